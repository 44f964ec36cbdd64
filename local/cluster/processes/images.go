package processes

import (
	"context"
	"sort"
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"
)

// Image is what a name stands for on this machine.
type Image struct {
	// Path are folders that come first in PATH.
	Path []string `json:"path"`
	// Command is what a container runs that names none.
	Command []string `json:"command"`
	// Reach are the paths that the image's programs live in.
	Reach []string `json:"reach"`
	// User runs the container when the pod names nobody.
	User int64 `json:"user"`
}

// find looks an image up by its name, whatever its tag or digest.
func (c Config) find(reference string) (Image, bool) {
	name, _, _ := strings.Cut(reference, "@")
	if colon := strings.LastIndex(name, ":"); colon > strings.LastIndex(name, "/") {
		name = name[:colon]
	}
	image, ok := c.Images[name]
	return image, ok
}

func (c Config) refuse(reference string) error {
	names := make([]string, 0, len(c.Images))
	for name := range c.Images {
		names = append(names, name)
	}
	sort.Strings(names)
	return status.Errorf(codes.InvalidArgument,
		"this local cluster starts containers as processes of the machine and pulls nothing: image %q is not one of %s",
		reference, strings.Join(names, ", "))
}

func (r *Runtime) ListImages(context.Context, *cri.ListImagesRequest) (*cri.ListImagesResponse, error) {
	return &cri.ListImagesResponse{}, nil
}

func (r *Runtime) ImageStatus(_ context.Context, q *cri.ImageStatusRequest) (*cri.ImageStatusResponse, error) {
	image, ok := r.config.find(q.Image.Image)
	if !ok {
		return &cri.ImageStatusResponse{}, nil
	}
	return &cri.ImageStatusResponse{Image: &cri.Image{
		Id: q.Image.Image, RepoTags: []string{q.Image.Image}, Size: 1, Spec: &cri.ImageSpec{Image: q.Image.Image},
		Uid: &cri.Int64Value{Value: image.User},
	}}, nil
}

func (r *Runtime) PullImage(_ context.Context, q *cri.PullImageRequest) (*cri.PullImageResponse, error) {
	if _, ok := r.config.find(q.Image.Image); !ok {
		return nil, r.config.refuse(q.Image.Image)
	}
	return &cri.PullImageResponse{ImageRef: q.Image.Image}, nil
}

func (r *Runtime) RemoveImage(context.Context, *cri.RemoveImageRequest) (*cri.RemoveImageResponse, error) {
	return &cri.RemoveImageResponse{}, nil
}

func (r *Runtime) ImageFsInfo(context.Context, *cri.ImageFsInfoRequest) (*cri.ImageFsInfoResponse, error) {
	usage := []*cri.FilesystemUsage{{
		Timestamp: now(), FsId: &cri.FilesystemIdentifier{Mountpoint: "/"},
		UsedBytes: &cri.UInt64Value{Value: 1}, InodesUsed: &cri.UInt64Value{Value: 1},
	}}
	return &cri.ImageFsInfoResponse{ImageFilesystems: usage, ContainerFilesystems: usage}, nil
}
