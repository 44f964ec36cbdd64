package processes

import (
	"encoding/json"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"

	"headrace.dev/local/cluster/rootfs"
)

const systemPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// starter starts processes from one thread that never ends: the kernel kills a child whose parent *thread* is gone.
type starter struct{ jobs chan func() }

func newStarter() *starter {
	s := &starter{jobs: make(chan func())}
	go func() {
		runtime.LockOSThread()
		for job := range s.jobs {
			job()
		}
	}()
	return s
}

func (s *starter) start(command *exec.Cmd) error {
	done := make(chan error)
	s.jobs <- func() { done <- command.Start() }
	return <-done
}

// launch makes the command that becomes the container: the binary itself, which builds the file tree first.
func (r *Runtime) launch(c *container) (*exec.Cmd, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	spec, err := json.Marshal(r.surroundings(c))
	if err != nil {
		return nil, err
	}
	command := exec.Command(self, rootfs.Subcommand, string(spec))
	command.Env = r.environment(c)
	command.SysProcAttr = &syscall.SysProcAttr{
		Setsid: true, Pdeathsig: syscall.SIGKILL,
		// A PID namespace of its own: when the first process dies, nothing of the container is left.
		Cloneflags: syscall.CLONE_NEWNS | syscall.CLONE_NEWPID,
	}
	if r.confined {
		attr := command.SysProcAttr
		attr.Cloneflags |= syscall.CLONE_NEWUSER
		attr.UidMappings = []syscall.SysProcIDMap{{ContainerID: int(c.user), HostID: os.Getuid(), Size: 1}}
		attr.GidMappings = []syscall.SysProcIDMap{{ContainerID: int(c.group), HostID: os.Getgid(), Size: 1}}
		// Only until the file tree stands.
		attr.AmbientCaps = []uintptr{unix.CAP_SYS_ADMIN}
	}
	return command, nil
}

func (r *Runtime) surroundings(c *container) rootfs.Spec {
	spec := rootfs.Spec{
		Scratch: r.config.Scratch, Hide: r.config.Hide, Reach: c.image.Reach, Folder: c.config.WorkingDir, Command: c.argv(),
		ReadOnlyRoot: c.config.GetLinux().GetSecurityContext().GetReadonlyRootfs(),
	}
	for _, m := range c.config.Mounts {
		// The network is the machine's own, and so is what it says about names.
		if m.ContainerPath == "/etc/hosts" {
			continue
		}
		spec.Volumes = append(spec.Volumes, rootfs.Volume{Source: m.HostPath, Target: m.ContainerPath, ReadOnly: m.Readonly})
	}
	if !r.confined {
		spec.Identity = &rootfs.Identity{User: int(c.user), Group: int(c.group), Groups: c.groups()}
	}
	return spec
}

func (r *Runtime) environment(c *container) []string {
	path := strings.Join(append(append([]string{}, c.image.Path...), systemPath), ":")
	env := []string{"PATH=" + path, "HOME=/tmp"}
	for _, e := range c.config.Envs {
		if _, overridden := r.config.Environment[e.Key]; !overridden {
			env = append(env, e.Key+"="+string(e.Value))
		}
	}
	for k, v := range r.config.Environment {
		env = append(env, k+"="+v)
	}
	return env
}

// join makes a command that runs inside a container that is already there.
func (r *Runtime) join(c *container, argv []string) *exec.Cmd {
	args := []string{"--target", strconv.Itoa(c.process.Pid), "--mount", "--pid"}
	if r.confined {
		// The user namespace maps the caller to the container's user.
		args = append(args, "--user", "--preserve-credentials", "--")
	} else {
		args = append(args, "--setuid", strconv.FormatInt(c.user, 10), "--setgid", strconv.FormatInt(c.group, 10), "--")
	}
	command := exec.Command("nsenter", append(args, argv...)...)
	command.Env = r.environment(c)
	command.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Pdeathsig: syscall.SIGKILL}
	return command
}

// whoRuns reads a container's user and group, and refuses what this machine cannot give.
func (r *Runtime) whoRuns(config *cri.ContainerConfig, image Image) (user, group int64, err error) {
	user = image.User
	security := config.GetLinux().GetSecurityContext()
	if security.GetRunAsUsername() != "" {
		return 0, 0, status.Error(codes.InvalidArgument, "runAsUserName is for Windows")
	}
	if asked := security.GetRunAsUser(); asked != nil {
		user = asked.Value
	}
	group = user
	if asked := security.GetRunAsGroup(); asked != nil {
		group = asked.Value
	}
	if r.confined && (user == 0 || group == 0) {
		return 0, 0, status.Error(codes.InvalidArgument,
			"this local cluster was started by an ordinary user, so nothing in it runs as root: set runAsUser and runAsGroup to other ids than 0")
	}
	return user, group, nil
}
