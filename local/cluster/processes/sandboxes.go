package processes

import (
	"context"
	"os"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"k8s.io/apimachinery/pkg/util/uuid"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"
)

// sandbox is a pod: an address and a name for its containers, no process of its own.
type sandbox struct {
	id      string
	config  *cri.PodSandboxConfig
	state   cri.PodSandboxState
	created int64
	address string
}

func (r *Runtime) RunPodSandbox(_ context.Context, q *cri.RunPodSandboxRequest) (*cri.RunPodSandboxResponse, error) {
	if q.Config.LogDirectory != "" {
		if err := os.MkdirAll(q.Config.LogDirectory, 0o755); err != nil {
			return nil, err
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	address, err := r.addresses.take()
	if err != nil {
		return nil, err
	}
	s := &sandbox{id: string(uuid.NewUUID()), config: q.Config, created: now(), state: cri.PodSandboxState_SANDBOX_READY, address: address}
	r.sandboxes[s.id] = s
	return &cri.RunPodSandboxResponse{PodSandboxId: s.id}, nil
}

func (r *Runtime) StopPodSandbox(_ context.Context, q *cri.StopPodSandboxRequest) (*cri.StopPodSandboxResponse, error) {
	r.mu.Lock()
	if s, ok := r.sandboxes[q.PodSandboxId]; ok {
		s.state = cri.PodSandboxState_SANDBOX_NOTREADY
	}
	var members []*container
	for _, c := range r.containers {
		if c.sandboxID == q.PodSandboxId {
			members = append(members, c)
		}
	}
	r.mu.Unlock()
	for _, c := range members {
		c.stop(0)
	}
	return &cri.StopPodSandboxResponse{}, nil
}

func (r *Runtime) RemovePodSandbox(ctx context.Context, q *cri.RemovePodSandboxRequest) (*cri.RemovePodSandboxResponse, error) {
	if _, err := r.StopPodSandbox(ctx, &cri.StopPodSandboxRequest{PodSandboxId: q.PodSandboxId}); err != nil {
		return nil, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for id, c := range r.containers {
		if c.sandboxID == q.PodSandboxId {
			delete(r.containers, id)
		}
	}
	if s, ok := r.sandboxes[q.PodSandboxId]; ok {
		r.addresses.giveBack(s.address)
		delete(r.sandboxes, q.PodSandboxId)
	}
	return &cri.RemovePodSandboxResponse{}, nil
}

func (r *Runtime) PodSandboxStatus(_ context.Context, q *cri.PodSandboxStatusRequest) (*cri.PodSandboxStatusResponse, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	s, ok := r.sandboxes[q.PodSandboxId]
	if !ok {
		return nil, status.Errorf(codes.NotFound, "pod sandbox %s not found", q.PodSandboxId)
	}
	namespaces := s.config.GetLinux().GetSecurityContext().GetNamespaceOptions()
	return &cri.PodSandboxStatusResponse{Status: &cri.PodSandboxStatus{
		Id: s.id, Metadata: s.config.Metadata, State: s.state, CreatedAt: s.created,
		Network: &cri.PodSandboxNetworkStatus{Ip: s.address},
		Linux:   &cri.LinuxPodSandboxStatus{Namespaces: &cri.Namespace{Options: namespaces}},
		Labels:  s.config.Labels, Annotations: s.config.Annotations,
	}}, nil
}

func (r *Runtime) ListPodSandbox(_ context.Context, q *cri.ListPodSandboxRequest) (*cri.ListPodSandboxResponse, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	out := &cri.ListPodSandboxResponse{}
	for _, s := range r.sandboxes {
		if s.selected(q.Filter) {
			out.Items = append(out.Items, &cri.PodSandbox{
				Id: s.id, Metadata: s.config.Metadata, State: s.state, CreatedAt: s.created,
				Labels: s.config.Labels, Annotations: s.config.Annotations,
			})
		}
	}
	return out, nil
}

func (s *sandbox) selected(by *cri.PodSandboxFilter) bool {
	return by == nil ||
		(by.Id == "" || by.Id == s.id) &&
			(by.State == nil || by.State.State == s.state) &&
			matches(by.LabelSelector, s.config.Labels)
}
