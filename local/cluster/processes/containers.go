package processes

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"k8s.io/apimachinery/pkg/util/uuid"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"
)

type container struct {
	id          string
	sandboxID   string
	config      *cri.ContainerConfig
	image       Image
	user, group int64
	logPath     string
	created     int64
	done        chan struct{}

	// From here on guarded by the runtime's mutex; process never changes once it is set.
	state    cri.ContainerState
	started  int64
	finished int64
	exitCode int32
	process  *os.Process
	log      *logFile
}

func (r *Runtime) CreateContainer(_ context.Context, q *cri.CreateContainerRequest) (*cri.CreateContainerResponse, error) {
	image, ok := r.config.find(q.Config.Image.GetImage())
	if !ok {
		return nil, r.config.refuse(q.Config.Image.GetImage())
	}
	user, group, err := r.whoRuns(q.Config, image)
	if err != nil {
		return nil, err
	}
	c := &container{
		id: string(uuid.NewUUID()), sandboxID: q.PodSandboxId, config: q.Config, image: image, user: user, group: group,
		logPath: filepath.Join(q.SandboxConfig.LogDirectory, q.Config.LogPath), created: now(), done: make(chan struct{}),
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.containers[c.id] = c
	return &cri.CreateContainerResponse{ContainerId: c.id}, nil
}

// argv is the command to run: a pod's command replaces the image's, its args come after either.
func (c *container) argv() []string {
	command := c.config.Command
	if len(command) == 0 {
		command = c.image.Command
	}
	return append(append([]string{}, command...), c.config.Args...)
}

func (c *container) groups() []int {
	var groups []int
	for _, g := range c.config.GetLinux().GetSecurityContext().GetSupplementalGroups() {
		groups = append(groups, int(g))
	}
	return groups
}

func (r *Runtime) StartContainer(_ context.Context, q *cri.StartContainerRequest) (*cri.StartContainerResponse, error) {
	c, err := r.container(q.ContainerId)
	if err != nil {
		return nil, err
	}
	log, err := openLog(c.logPath)
	if err != nil {
		return nil, err
	}
	command, err := r.launch(c)
	if err != nil {
		return nil, err
	}
	stdout, stderr := log.stream("stdout"), log.stream("stderr")
	command.Stdout, command.Stderr = stdout, stderr
	if err := r.starter.start(command); err != nil {
		log.close()
		return nil, status.Errorf(codes.Unknown, "start: %v", err)
	}
	r.mu.Lock()
	c.process, c.log, c.state, c.started = command.Process, log, cri.ContainerState_CONTAINER_RUNNING, now()
	r.mu.Unlock()
	go func() {
		err := command.Wait()
		stdout.flush()
		stderr.flush()
		log.close()
		r.mu.Lock()
		c.exitCode, c.finished, c.state = exitCode(err), now(), cri.ContainerState_CONTAINER_EXITED
		r.mu.Unlock()
		close(c.done)
	}()
	return &cri.StartContainerResponse{}, nil
}

func (r *Runtime) container(id string) (*container, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if c, ok := r.containers[id]; ok {
		return c, nil
	}
	return nil, status.Errorf(codes.NotFound, "container %s not found", id)
}

func exitCode(err error) int32 {
	if err == nil {
		return 0
	}
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		return 255
	}
	if ws, ok := exit.Sys().(syscall.WaitStatus); ok && ws.Signaled() {
		return 128 + int32(ws.Signal())
	}
	return int32(exit.ExitCode())
}

// stop asks with SIGTERM and insists with SIGKILL after the grace period. What the container started dies with it.
func (c *container) stop(grace time.Duration) {
	if c.process == nil {
		return
	}
	if grace > 0 {
		_ = c.process.Signal(syscall.SIGTERM)
		select {
		case <-c.done:
			return
		case <-time.After(grace):
		}
	}
	_ = c.process.Kill()
	<-c.done
}

func (r *Runtime) StopContainer(_ context.Context, q *cri.StopContainerRequest) (*cri.StopContainerResponse, error) {
	if c, err := r.container(q.ContainerId); err == nil {
		c.stop(time.Duration(q.Timeout) * time.Second)
	}
	return &cri.StopContainerResponse{}, nil
}

func (r *Runtime) RemoveContainer(_ context.Context, q *cri.RemoveContainerRequest) (*cri.RemoveContainerResponse, error) {
	if c, err := r.container(q.ContainerId); err == nil {
		c.stop(0)
		_ = os.Remove(c.logPath)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.containers, q.ContainerId)
	return &cri.RemoveContainerResponse{}, nil
}

func (r *Runtime) ListContainers(_ context.Context, q *cri.ListContainersRequest) (*cri.ListContainersResponse, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	out := &cri.ListContainersResponse{}
	for _, c := range r.containers {
		if c.selected(q.Filter) {
			out.Containers = append(out.Containers, &cri.Container{
				Id: c.id, PodSandboxId: c.sandboxID, Metadata: c.config.Metadata, Image: c.config.Image, ImageRef: c.config.Image.Image,
				State: c.state, CreatedAt: c.created, Labels: c.config.Labels, Annotations: c.config.Annotations,
			})
		}
	}
	return out, nil
}

func (c *container) selected(by *cri.ContainerFilter) bool {
	return by == nil ||
		(by.Id == "" || by.Id == c.id) &&
			(by.PodSandboxId == "" || by.PodSandboxId == c.sandboxID) &&
			(by.State == nil || by.State.State == c.state) &&
			matches(by.LabelSelector, c.config.Labels)
}

func (r *Runtime) ContainerStatus(_ context.Context, q *cri.ContainerStatusRequest) (*cri.ContainerStatusResponse, error) {
	c, err := r.container(q.ContainerId)
	if err != nil {
		return nil, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return &cri.ContainerStatusResponse{Status: &cri.ContainerStatus{
		Id: c.id, Metadata: c.config.Metadata, State: c.state, Reason: c.reason(),
		CreatedAt: c.created, StartedAt: c.started, FinishedAt: c.finished, ExitCode: c.exitCode,
		Image: c.config.Image, ImageRef: c.config.Image.Image, ImageId: c.config.Image.Image,
		Labels: c.config.Labels, Annotations: c.config.Annotations, Mounts: c.config.Mounts, LogPath: c.logPath,
	}}, nil
}

func (c *container) reason() string {
	switch {
	case c.state != cri.ContainerState_CONTAINER_EXITED:
		return ""
	case c.exitCode == 0:
		return "Completed"
	default:
		return "Error"
	}
}

func (r *Runtime) UpdateContainerResources(context.Context, *cri.UpdateContainerResourcesRequest) (*cri.UpdateContainerResourcesResponse, error) {
	return &cri.UpdateContainerResourcesResponse{}, nil
}

func (r *Runtime) ReopenContainerLog(_ context.Context, q *cri.ReopenContainerLogRequest) (*cri.ReopenContainerLogResponse, error) {
	c, err := r.container(q.ContainerId)
	if err != nil {
		return nil, err
	}
	if c.log == nil {
		return nil, status.Errorf(codes.FailedPrecondition, "container %s was not started", c.id)
	}
	return &cri.ReopenContainerLogResponse{}, c.log.reopen()
}
