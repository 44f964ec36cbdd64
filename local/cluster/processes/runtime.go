// Package processes is a container runtime (CRI) that runs every container as a process of this machine: no image is
// pulled or unpacked. An image is a name in a table, and only the names in the table are started.
package processes

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"google.golang.org/grpc"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"
)

// Config is the runtime's configuration file.
type Config struct {
	Socket string `json:"socket"`
	// Scratch is an empty folder that containers put their file trees together on, each in a mount namespace of its own.
	Scratch string `json:"scratch"`
	// PodNetwork is the first two bytes of the pods' addresses, such as 127.77.
	PodNetwork string `json:"podNetwork"`
	// Hide are folders that containers see empty.
	Hide   []string         `json:"hide"`
	Images map[string]Image `json:"images"`
	// Environment overrides what the kubelet puts into a container's environment.
	Environment map[string]string `json:"environment"`
}

// Runtime answers the kubelet. Everything it knows is in memory: its containers die with it.
type Runtime struct {
	cri.UnimplementedRuntimeServiceServer
	cri.UnimplementedImageServiceServer
	config    Config
	starter   *starter
	streams   *streams
	addresses *addresses
	// confined says that this process has one user id only, that of an ordinary user.
	confined bool

	mu         sync.Mutex
	sandboxes  map[string]*sandbox
	containers map[string]*container
}

// Main serves until SIGTERM: runtime FILE, where FILE is a Config in JSON.
func Main(args []string) error {
	if len(args) != 1 {
		return errors.New("runtime takes one argument, its configuration file")
	}
	raw, err := os.ReadFile(args[0])
	if err != nil {
		return err
	}
	var config Config
	if err := json.Unmarshal(raw, &config); err != nil {
		return fmt.Errorf("%s: %w", args[0], err)
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	r, err := New(config)
	if err != nil {
		return err
	}
	return r.Serve(ctx)
}

// New makes a runtime without containers.
func New(config Config) (*Runtime, error) {
	confined, err := onlyOneUser()
	if err != nil {
		return nil, err
	}
	addresses, err := newAddresses(config.PodNetwork)
	if err != nil {
		return nil, err
	}
	r := &Runtime{
		config: config, starter: newStarter(), addresses: addresses, confined: confined,
		sandboxes: map[string]*sandbox{}, containers: map[string]*container{},
	}
	r.streams, err = newStreams(r)
	return r, err
}

// Serve answers CRI calls on a unix socket until the context ends, then stops all containers.
func (r *Runtime) Serve(ctx context.Context) error {
	_ = os.Remove(r.config.Socket)
	l, err := net.Listen("unix", r.config.Socket)
	if err != nil {
		return err
	}
	s := grpc.NewServer()
	cri.RegisterRuntimeServiceServer(s, r)
	cri.RegisterImageServiceServer(s, r)
	go func() {
		<-ctx.Done()
		r.stopAll(2 * time.Second)
		s.Stop()
	}()
	return s.Serve(l)
}

func (r *Runtime) stopAll(grace time.Duration) {
	r.mu.Lock()
	all := make([]*container, 0, len(r.containers))
	for _, c := range r.containers {
		all = append(all, c)
	}
	r.mu.Unlock()
	var wait sync.WaitGroup
	for _, c := range all {
		wait.Go(func() { c.stop(grace) })
	}
	wait.Wait()
}

func (r *Runtime) Version(context.Context, *cri.VersionRequest) (*cri.VersionResponse, error) {
	return &cri.VersionResponse{Version: "0.1.0", RuntimeName: "processes", RuntimeVersion: "0.1.0", RuntimeApiVersion: "v1"}, nil
}

func (r *Runtime) Status(context.Context, *cri.StatusRequest) (*cri.StatusResponse, error) {
	return &cri.StatusResponse{Status: &cri.RuntimeStatus{Conditions: []*cri.RuntimeCondition{
		{Type: cri.RuntimeReady, Status: true}, {Type: cri.NetworkReady, Status: true},
	}}}, nil
}

func (r *Runtime) RuntimeConfig(context.Context, *cri.RuntimeConfigRequest) (*cri.RuntimeConfigResponse, error) {
	return &cri.RuntimeConfigResponse{}, nil
}

func (r *Runtime) UpdateRuntimeConfig(context.Context, *cri.UpdateRuntimeConfigRequest) (*cri.UpdateRuntimeConfigResponse, error) {
	return &cri.UpdateRuntimeConfigResponse{}, nil
}

func (r *Runtime) ListContainerStats(context.Context, *cri.ListContainerStatsRequest) (*cri.ListContainerStatsResponse, error) {
	return &cri.ListContainerStatsResponse{}, nil
}

func (r *Runtime) ListPodSandboxStats(context.Context, *cri.ListPodSandboxStatsRequest) (*cri.ListPodSandboxStatsResponse, error) {
	return &cri.ListPodSandboxStatsResponse{}, nil
}

// onlyOneUser reports whether the user namespace maps a single id: then no process can change its user.
func onlyOneUser() (bool, error) {
	raw, err := os.ReadFile("/proc/self/uid_map")
	if err != nil {
		return false, err
	}
	var inside, outside, count int64
	if _, err := fmt.Sscan(string(raw), &inside, &outside, &count); err != nil {
		return false, fmt.Errorf("/proc/self/uid_map: %w", err)
	}
	return count == 1, nil
}

func now() int64 { return time.Now().UnixNano() }

// matches reports whether the labels have all that the selector asks for.
func matches(selector, labels map[string]string) bool {
	for k, v := range selector {
		if labels[k] != v {
			return false
		}
	}
	return true
}
