package rootfs

import (
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// devices are what every container may use; the rest of /dev is the machine's business.
var devices = []string{"null", "zero", "full", "random", "urandom", "tty"}

func mountMemory(at, mode string) error {
	if err := unix.Mount("tmpfs", at, "tmpfs", unix.MS_NOSUID|unix.MS_NODEV, "mode="+mode); err != nil {
		return fmt.Errorf("a folder in memory at %s: %w", at, err)
	}
	return nil
}

// bind is always recursive: in a user namespace the kernel refuses to uncover what another mount hides.
func bind(source, target string) error {
	return unix.Mount(source, target, "", unix.MS_BIND|unix.MS_REC, "")
}

func setReadOnly(path string, flags uint) error {
	return unix.MountSetattr(unix.AT_FDCWD, path, flags, &unix.MountAttr{Attr_set: unix.MOUNT_ATTR_RDONLY})
}

// addProc mounts the processes of the container's own PID namespace.
func (t *tree) addProc() error {
	at := filepath.Join(t.root, "proc")
	if err := os.Mkdir(at, 0o755); err != nil {
		return err
	}
	if err := unix.Mount("proc", at, "proc", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, ""); err != nil {
		return fmt.Errorf("/proc: %w", err)
	}
	return nil
}

func (t *tree) addDevices() error {
	at := filepath.Join(t.root, "dev")
	if err := os.Mkdir(at, 0o755); err != nil {
		return err
	}
	if err := mountMemory(at, "0755"); err != nil {
		return err
	}
	machine, err := os.Open("/dev")
	if err != nil {
		return err
	}
	t.own["/dev"] = machine
	for _, name := range append([]string{"pts", "ptmx"}, devices...) {
		if err := t.bring("/dev", name); err != nil {
			return fmt.Errorf("/dev/%s: %w", name, err)
		}
	}
	// Shared memory of its own: what a program leaves there must not outlive it.
	shm := filepath.Join(at, "shm")
	if err := os.Mkdir(shm, 0o755); err != nil {
		return err
	}
	if err := mountMemory(shm, "1777"); err != nil {
		return err
	}
	for name, to := range map[string]string{"fd": "", "stdin": "/0", "stdout": "/1", "stderr": "/2"} {
		if err := os.Symlink("/proc/self/fd"+to, filepath.Join(at, name)); err != nil {
			return err
		}
	}
	return nil
}
