package processes

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestAddressesGoRoundBeforeOneIsUsedAgain(t *testing.T) {
	a, err := newAddresses("127.77")
	if err != nil {
		t.Fatal(err)
	}
	first, _ := a.take()
	a.giveBack(first)
	second, _ := a.take()
	if first != "127.77.1.1" || second != "127.77.1.2" {
		t.Errorf("got %s and %s", first, second)
	}
}

func TestAddressesRunOut(t *testing.T) {
	a, _ := newAddresses("127.77")
	seen := map[string]bool{}
	for range addressCount {
		address, err := a.take()
		if err != nil || seen[address] {
			t.Fatalf("%s: %v", address, err)
		}
		seen[address] = true
	}
	if _, err := a.take(); err == nil {
		t.Error("gave an address twice")
	}
}

func TestAddressesAreOfLoopback(t *testing.T) {
	for _, network := range []string{"10.0", "127", "127.0.0", "here"} {
		if _, err := newAddresses(network); err == nil {
			t.Errorf("%q was taken", network)
		}
	}
}

func TestAnImageIsFoundWhateverItsTag(t *testing.T) {
	config := Config{Images: map[string]Image{"headrace/runner": {User: 7}}}
	for reference, known := range map[string]bool{
		"headrace/runner": true, "headrace/runner:local": true, "headrace/runner:1@sha256:ab": true,
		"headrace/runners": false, "registry:5000/headrace/runner": false, "docker.io/headrace/runner:1": false, "": false,
	} {
		if _, ok := config.find(reference); ok != known {
			t.Errorf("%q: %v", reference, ok)
		}
	}
	if err := config.refuse("nginx"); !strings.Contains(err.Error(), "headrace/runner") {
		t.Error(err)
	}
}

func TestLinesOfALogAreWholeOrMarkedAsParts(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pod", "0.log")
	log, err := openLog(path)
	if err != nil {
		t.Fatal(err)
	}
	out, errs := log.stream("stdout"), log.stream("stderr")
	write := func(s *logStream, text string) {
		if n, err := s.Write([]byte(text)); n != len(text) || err != nil {
			t.Fatal(n, err)
		}
	}
	write(out, "one\ntw")
	write(errs, "bad\n")
	write(out, "o\n"+strings.Repeat("x", longestLine+1))
	out.flush()
	log.close()
	raw, _ := os.ReadFile(path)
	var got []string
	for _, line := range strings.Split(strings.TrimSpace(string(raw)), "\n") {
		_, rest, _ := strings.Cut(line, " ")
		got = append(got, rest[:min(len(rest), 12)])
	}
	want := []string{"stdout F one", "stderr F bad", "stdout F two", "stdout P xxx", "stdout F x"}
	if strings.Join(got, "|") != strings.Join(want, "|") {
		t.Errorf("got %q", got)
	}
}

func TestALogGoesOnInANewFileAfterItWasMoved(t *testing.T) {
	path := filepath.Join(t.TempDir(), "0.log")
	log, _ := openLog(path)
	out := log.stream("stdout")
	_, _ = out.Write([]byte("old\n"))
	_ = os.Rename(path, path+".1")
	if err := log.reopen(); err != nil {
		t.Fatal(err)
	}
	_, _ = out.Write([]byte("new\n"))
	raw, _ := os.ReadFile(path)
	if !strings.HasSuffix(string(raw), "stdout F new\n") || strings.Contains(string(raw), "old") {
		t.Errorf("got %q", raw)
	}
}
