package processes

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// A longer line is written in parts, as the kubelet expects it.
const longestLine = 16 << 10

// logFile holds a container's lines as the kubelet reads them: time, stream, tag (F full, P part), text.
type logFile struct {
	path string
	mu   sync.Mutex
	file *os.File
}

// logStream is one of the two streams of a container.
type logStream struct {
	log  *logFile
	name string
	rest []byte
}

func openLog(path string) (*logFile, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, err
	}
	l := &logFile{path: path}
	return l, l.reopen()
}

// reopen goes on in a new file after the kubelet has moved the old one away.
func (l *logFile) reopen() error {
	file, err := os.OpenFile(l.path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o640)
	if err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.file != nil {
		_ = l.file.Close()
	}
	l.file = file
	return nil
}

func (l *logFile) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	_ = l.file.Close()
}

func (l *logFile) stream(name string) *logStream { return &logStream{log: l, name: name} }

func (s *logStream) Write(p []byte) (int, error) {
	s.rest = append(s.rest, p...)
	for {
		line, rest, found := bytes.Cut(s.rest, []byte{'\n'})
		switch {
		case found:
			s.put("F", line)
		case len(s.rest) >= longestLine:
			line, rest = s.rest[:longestLine], s.rest[longestLine:]
			s.put("P", line)
		default:
			return len(p), nil
		}
		s.rest = append([]byte{}, rest...)
	}
}

func (s *logStream) flush() {
	if len(s.rest) > 0 {
		s.put("F", s.rest)
		s.rest = nil
	}
}

func (s *logStream) put(tag string, line []byte) {
	s.log.mu.Lock()
	defer s.log.mu.Unlock()
	_, _ = fmt.Fprintf(s.log.file, "%s %s %s %s\n", time.Now().UTC().Format(time.RFC3339Nano), s.name, tag, line)
}
