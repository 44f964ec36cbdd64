package pki

import (
	"crypto/x509"
	"encoding/pem"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func made(t *testing.T) string {
	t.Helper()
	folder := filepath.Join(t.TempDir(), "pki")
	if err := Main([]string{"--dir", folder, "--server", "https://127.0.0.1:1", "--nodes", "localhost,localhost2"}); err != nil {
		t.Fatal(err)
	}
	return folder
}

func read(t *testing.T, path ...string) *x509.Certificate {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(path...))
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(raw)
	certificate, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	return certificate
}

func TestEachCertificateIsTrustedByItsAuthorityAlone(t *testing.T) {
	folder := made(t)
	for file, authority := range map[string]string{
		"apiserver": "ca", "kubelet": "ca", "kubelet-client": "ca", "admin": "ca", "etcd": "etcd-ca", "etcd-client": "etcd-ca",
	} {
		for _, candidate := range []string{"ca", "etcd-ca"} {
			pool := x509.NewCertPool()
			pool.AddCert(read(t, folder, candidate+".crt"))
			options := x509.VerifyOptions{Roots: pool, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}
			if _, err := read(t, folder, file+".crt").Verify(options); (err == nil) != (candidate == authority) {
				t.Errorf("%s by %s: %v", file, candidate, err)
			}
		}
	}
}

func TestAKubeletServesUnderTheNameOfEachNode(t *testing.T) {
	certificate := read(t, made(t), "kubelet.crt")
	for _, name := range []string{"localhost", "localhost2", "127.0.0.1"} {
		if err := certificate.VerifyHostname(name); err != nil {
			t.Error(err)
		}
	}
}

func TestNoKeyOfAnAuthorityIsKeptAndNoFileIsOpenToOthers(t *testing.T) {
	entries, err := os.ReadDir(made(t))
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		info, err := entry.Info()
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm() != 0o600 || strings.HasSuffix(entry.Name(), "ca.key") {
			t.Errorf("%s %v", entry.Name(), info.Mode())
		}
	}
}
