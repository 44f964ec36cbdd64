package rootfs

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"strings"

	"golang.org/x/sys/unix"
)

// tree is a file tree in the making. Its folders are the machine's, bound, until something has to appear in one of them that
// the machine does not have: then that folder is shadowed by one in memory which holds the same entries, bound one by one.
type tree struct {
	root string
	// own are the folders in memory; the value is a handle on the folder of the machine that each stands for.
	own map[string]*os.File
}

// build makes the tree that a spec asks for and moves into it.
func build(spec Spec) error {
	if err := unix.Mount("", "/", "", unix.MS_PRIVATE|unix.MS_REC, ""); err != nil {
		return fmt.Errorf("private mounts: %w", err)
	}
	t, err := newTree(spec.Scratch)
	if err != nil {
		return err
	}
	if spec.Identity != nil && spec.Identity.User != 0 {
		for _, path := range spec.Reach {
			if err := t.reach(path); err != nil {
				return fmt.Errorf("reaching %s: %w", path, err)
			}
		}
	}
	if err := t.place(spec); err != nil {
		return err
	}
	if err := t.hide(spec.Hide); err != nil {
		return err
	}
	return t.moveIn()
}

func newTree(scratch string) (*tree, error) {
	if err := mountMemory(scratch, "0755"); err != nil {
		return nil, err
	}
	// Unbindable: or else a folder of the machine that holds the scratch folder would bring the tree into itself.
	if err := unix.Mount("", scratch, "", unix.MS_UNBINDABLE, ""); err != nil {
		return nil, err
	}
	machine, err := os.Open("/")
	if err != nil {
		return nil, err
	}
	t := &tree{root: scratch, own: map[string]*os.File{"/": machine}}
	entries, err := os.ReadDir("/")
	if err != nil {
		return nil, err
	}
	for _, entry := range entries {
		switch entry.Name() {
		case "dev", "proc":
			continue
		}
		if err := t.bring("/", entry.Name()); err != nil {
			return nil, err
		}
	}
	if err := t.addProc(); err != nil {
		return nil, err
	}
	return t, t.addDevices()
}

// place puts the volumes where they belong, and closes the rest where the container's root is to be read only.
func (t *tree) place(spec Spec) error {
	volumes := append([]Volume{}, spec.Volumes...)
	sort.SliceStable(volumes, func(i, j int) bool { return volumes[i].Target < volumes[j].Target })
	for _, v := range volumes {
		if err := t.makePlace(v); err != nil {
			return err
		}
	}
	if spec.ReadOnlyRoot {
		if err := t.close(); err != nil {
			return err
		}
	}
	for _, v := range volumes {
		// Again: the place of a volume inside another one shows up only now.
		if err := t.makePlace(v); err != nil {
			return err
		}
		target, err := t.resolve(v.Target)
		if err != nil {
			return err
		}
		if err := bind(v.Source, t.root+target); err != nil {
			return fmt.Errorf("volume at %s: %w", v.Target, err)
		}
		if v.ReadOnly {
			if err := setReadOnly(t.root+target, unix.AT_RECURSIVE); err != nil {
				return err
			}
		}
	}
	return nil
}

func (t *tree) makePlace(v Volume) error {
	info, err := os.Stat(v.Source)
	if err != nil {
		return fmt.Errorf("volume at %s: %w", v.Target, err)
	}
	if err := t.ensure(v.Target, info.IsDir()); err != nil {
		return fmt.Errorf("a place for the volume at %s: %w", v.Target, err)
	}
	return nil
}

// close makes all of the tree read only but for /proc and /dev.
func (t *tree) close() error {
	entries, err := os.ReadDir(t.root)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		if entry.Name() == "dev" || entry.Name() == "proc" || entry.Type() == fs.ModeSymlink {
			continue
		}
		path := filepath.Join(t.root, entry.Name())
		if err := setReadOnly(path, unix.AT_RECURSIVE); err != nil && !errors.Is(err, unix.EINVAL) {
			return fmt.Errorf("read-only %s: %w", entry.Name(), err)
		}
	}
	return setReadOnly(t.root, 0)
}

// hide covers folders, after the volumes: these may come out of them.
func (t *tree) hide(folders []string) error {
	for _, folder := range folders {
		at, err := t.resolve(folder)
		if err != nil {
			return err
		}
		if _, err := os.Stat(t.root + at); err != nil {
			continue
		}
		if err := mountMemory(t.root+at, "0755"); err != nil {
			return err
		}
	}
	return nil
}

// ensure makes path exist in the tree, as a folder or as an empty file.
func (t *tree) ensure(path string, folder bool) error {
	resolved, err := t.resolve(path)
	if err != nil {
		return err
	}
	at := "/"
	parts := split(resolved)
	for i, name := range parts {
		next := filepath.Join(at, name)
		if _, err := os.Lstat(t.root + next); err != nil {
			if err := t.shadow(at); err != nil {
				return err
			}
			if folder || i < len(parts)-1 {
				err = os.Mkdir(t.root+next, 0o755)
			} else {
				err = os.WriteFile(t.root+next, nil, 0o644)
			}
			if err != nil {
				return err
			}
			if folder || i < len(parts)-1 {
				t.own[next] = nil
			}
		}
		at = next
	}
	return nil
}

// shadow puts a folder in memory, with the same entries, over a folder of the machine.
func (t *tree) shadow(folder string) error {
	if _, ours := t.own[folder]; ours {
		return nil
	}
	if err := t.veil(folder); err != nil {
		return err
	}
	entries, err := t.own[folder].ReadDir(-1)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		if err := t.bring(folder, entry.Name()); err != nil {
			return err
		}
	}
	return nil
}

// veil puts an empty folder in memory over a folder of the machine.
func (t *tree) veil(folder string) error {
	machine, err := os.Open(t.root + folder)
	if err != nil {
		return err
	}
	t.own[folder] = machine
	return mountMemory(t.root+folder, "0755")
}

// bring makes one entry of the machine's folder appear in the folder in memory that stands for it.
func (t *tree) bring(folder, name string) error {
	source := fmt.Sprintf("/proc/self/fd/%d/%s", t.own[folder].Fd(), name)
	target := filepath.Join(t.root+folder, name)
	info, err := os.Lstat(source)
	if err != nil {
		return nil // gone meanwhile
	}
	switch {
	case info.Mode()&fs.ModeSymlink != 0:
		to, err := os.Readlink(source)
		if err != nil {
			return err
		}
		return os.Symlink(to, target)
	case info.IsDir():
		if err := os.Mkdir(target, 0o755); err != nil {
			return err
		}
	default:
		if err := os.WriteFile(target, nil, 0o644); err != nil {
			return err
		}
	}
	return bind(source, target)
}

// reach opens a way to path: a folder above it that is closed to other users is veiled, and holds only the way.
func (t *tree) reach(path string) error {
	resolved, err := t.resolve(path)
	if err != nil {
		return err
	}
	at := "/"
	for _, name := range split(resolved) {
		if _, err := os.Lstat(filepath.Join(t.root+at, name)); err != nil {
			if t.own[at] == nil {
				return err
			}
			if err := t.bring(at, name); err != nil {
				return err
			}
		}
		at = filepath.Join(at, name)
		info, err := os.Stat(t.root + at)
		if err != nil {
			return err
		}
		if _, ours := t.own[at]; !ours && info.IsDir() && info.Mode().Perm()&0o001 == 0 {
			if err := t.veil(at); err != nil {
				return err
			}
		}
	}
	return nil
}

// resolve follows the symbolic links of the part of path that exists, inside the tree.
func (t *tree) resolve(path string) (string, error) {
	at, rest := "/", split(path)
	for links := 0; len(rest) > 0; {
		next := filepath.Join(at, rest[0])
		to, err := os.Readlink(t.root + next)
		if err != nil {
			at, rest = next, rest[1:]
			continue
		}
		if links++; links > 40 {
			return "", fmt.Errorf("%s: too many symbolic links", path)
		}
		if !filepath.IsAbs(to) {
			to = filepath.Join(at, to)
		}
		at, rest = "/", append(split(to), rest[1:]...)
	}
	return at, nil
}

// moveIn makes the tree the root of this mount namespace, and lets go of the machine's.
func (t *tree) moveIn() error {
	for _, machine := range t.own {
		if machine != nil {
			_ = machine.Close()
		}
	}
	if err := os.Chdir(t.root); err != nil {
		return err
	}
	if err := unix.PivotRoot(".", "."); err != nil {
		return fmt.Errorf("pivot_root: %w", err)
	}
	if err := unix.Unmount(".", unix.MNT_DETACH); err != nil {
		return fmt.Errorf("leaving the machine's root: %w", err)
	}
	return os.Chdir("/")
}

func split(path string) []string {
	return strings.FieldsFunc(filepath.Clean(path), func(r rune) bool { return r == '/' })
}
