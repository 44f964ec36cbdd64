package processes

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os/exec"
	"strings"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"
	"k8s.io/cri-streaming/pkg/streaming"
	"k8s.io/cri-streaming/pkg/streaming/remotecommand"
	utilexec "k8s.io/utils/exec"
)

// streams carries what goes in and out of running containers: exec and port-forward.
type streams struct {
	runtime *Runtime
	server  streaming.Server
}

// newStreams listens on a free port of loopback. The kubelet has no certificate to show here, so each address that it is told
// begins with a secret; who does not know it gets 401.
func newStreams(r *Runtime) (*streams, error) {
	secret := make([]byte, 16)
	if _, err := rand.Read(secret); err != nil {
		return nil, err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	prefix := "/" + hex.EncodeToString(secret) + "/"
	config := streaming.DefaultConfig
	config.BaseURL = &url.URL{Scheme: "http", Host: listener.Addr().String(), Path: prefix}
	s := &streams{runtime: r}
	if s.server, err = streaming.NewServer(config, s); err != nil {
		return nil, err
	}
	server := &http.Server{ReadHeaderTimeout: 10 * time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		if !strings.HasPrefix(q.URL.Path, prefix) {
			http.Error(w, "Unauthorized", http.StatusUnauthorized)
			return
		}
		s.server.ServeHTTP(w, q)
	})}
	go func() { _ = server.Serve(listener) }()
	return s, nil
}

func (r *Runtime) Exec(_ context.Context, q *cri.ExecRequest) (*cri.ExecResponse, error) {
	return r.streams.server.GetExec(q)
}

func (r *Runtime) PortForward(_ context.Context, q *cri.PortForwardRequest) (*cri.PortForwardResponse, error) {
	return r.streams.server.GetPortForward(q)
}

// ExecSync is what probes and hooks use.
func (r *Runtime) ExecSync(ctx context.Context, q *cri.ExecSyncRequest) (*cri.ExecSyncResponse, error) {
	if q.Timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, time.Duration(q.Timeout)*time.Second)
		defer cancel()
	}
	var stdout, stderr bytes.Buffer
	err := r.execute(ctx, q.ContainerId, q.Cmd, nil, &stdout, &stderr)
	if ctx.Err() != nil {
		return nil, status.Errorf(codes.DeadlineExceeded, "command %q timed out", q.Cmd)
	}
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		return nil, err
	}
	return &cri.ExecSyncResponse{Stdout: stdout.Bytes(), Stderr: stderr.Bytes(), ExitCode: exitCode(err)}, nil
}

func (r *Runtime) execute(ctx context.Context, id string, argv []string, in io.Reader, out, errs io.Writer) error {
	c, err := r.container(id)
	if err != nil {
		return err
	}
	r.mu.Lock()
	running := c.state == cri.ContainerState_CONTAINER_RUNNING
	r.mu.Unlock()
	if !running {
		return status.Errorf(codes.FailedPrecondition, "container %s is not running", id)
	}
	command := r.join(c, argv)
	command.Stdout, command.Stderr = out, errs
	if in != nil {
		// Not command.Stdin: Wait would hang on a caller that sends nothing and keeps the stream open.
		pipe, err := command.StdinPipe()
		if err != nil {
			return err
		}
		go func() {
			_, _ = io.Copy(pipe, in)
			_ = pipe.Close()
		}()
	}
	if err := r.starter.start(command); err != nil {
		return err
	}
	stop := context.AfterFunc(ctx, func() { _ = command.Process.Kill() })
	defer stop()
	return command.Wait()
}

// Exec runs a command for kubectl exec. There are no terminals: with --tty the streams are plain pipes.
func (s *streams) Exec(ctx context.Context, id string, argv []string, in io.Reader, out, errs io.WriteCloser, _ bool, _ <-chan remotecommand.TerminalSize) error {
	var stdout, stderr io.Writer = out, errs
	if errs == nil {
		stderr = out
	}
	err := s.runtime.execute(ctx, id, argv, in, stdout, stderr)
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return utilexec.CodeExitError{Err: err, Code: int(exitCode(err))}
	}
	return err
}

func (s *streams) Attach(context.Context, string, io.Reader, io.WriteCloser, io.WriteCloser, bool, <-chan remotecommand.TerminalSize) error {
	return errors.New("attach is not supported by this local cluster: use logs -f or exec")
}

func (s *streams) PortForward(ctx context.Context, id string, port int32, stream io.ReadWriteCloser) error {
	s.runtime.mu.Lock()
	sandbox, ok := s.runtime.sandboxes[id]
	s.runtime.mu.Unlock()
	if !ok {
		return status.Errorf(codes.NotFound, "pod sandbox %s not found", id)
	}
	var dialer net.Dialer
	connection, err := dialer.DialContext(ctx, "tcp", fmt.Sprintf("%s:%d", sandbox.address, port))
	if err != nil {
		return err
	}
	defer func() { _ = connection.Close() }()
	go func() {
		_, _ = io.Copy(connection, stream)
		_ = connection.(*net.TCPConn).CloseWrite()
	}()
	_, err = io.Copy(stream, connection)
	return err
}
