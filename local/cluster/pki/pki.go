package pki

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// settings are what the certificates of one cluster depend on.
type settings struct {
	folder  string
	server  string // where clients find the API server, https://127.0.0.1:PORT
	context string
	nodes   []string
}

// Main makes the certificates and kubeconfigs: pki --dir DIR --server URL --context NAME --nodes A,B.
func Main(args []string) error {
	var s settings
	var nodes string
	flags := flag.NewFlagSet("pki", flag.ContinueOnError)
	flags.StringVar(&s.folder, "dir", "", "folder to write to")
	flags.StringVar(&s.server, "server", "", "address of the API server")
	flags.StringVar(&s.context, "context", "headrace-local", "name of the context in each kubeconfig")
	flags.StringVar(&nodes, "nodes", "localhost", "names of the nodes, separated by commas")
	if err := flags.Parse(args); err != nil {
		return err
	}
	s.nodes = strings.Split(nodes, ",")
	if s.folder == "" || s.server == "" {
		return fmt.Errorf("pki needs --dir and --server")
	}
	if err := os.MkdirAll(s.folder, 0o700); err != nil {
		return err
	}
	return s.write()
}

func (s settings) write() error {
	cluster, err := newAuthority("headrace-local")
	if err != nil {
		return err
	}
	// etcd trusts an authority of its own: a kubelet's certificate must not open the database.
	etcd, err := newAuthority("headrace-local-etcd")
	if err != nil {
		return err
	}
	here := []string{"localhost", "127.0.0.1"}
	steps := []func() error{
		func() error { return s.save("ca.crt", cluster.pem) },
		func() error { return s.save("etcd-ca.crt", etcd.pem) },
		func() error { return s.saveServiceAccountKey() },
		func() error { return s.savePair(etcd, "etcd", subject{name: "etcd", names: here}) },
		func() error { return s.savePair(etcd, "etcd-client", subject{name: "kube-apiserver"}) },
		func() error {
			return s.savePair(cluster, "apiserver", subject{name: "kube-apiserver", names: append(here, "kubernetes.default.svc")})
		},
		func() error {
			return s.savePair(cluster, "kubelet", subject{name: "kubelet", names: append(here, s.nodes...)})
		},
		func() error {
			return s.savePair(cluster, "kubelet-client", subject{name: "kube-apiserver", groups: []string{"system:masters"}})
		},
		func() error { return s.saveUsers(cluster) },
	}
	for _, step := range steps {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// saveUsers writes one kubeconfig for each client of the API server, and the administrator's pair for probes.
func (s settings) saveUsers(cluster *authority) error {
	users := map[string]subject{
		"admin":              {name: "headrace-admin", groups: []string{"system:masters"}},
		"controller-manager": {name: "system:kube-controller-manager"},
		"scheduler":          {name: "system:kube-scheduler"},
		"operator":           {name: "headrace-operator"},
		"api":                {name: "headrace-api"},
	}
	for _, node := range s.nodes {
		users["kubelet-"+node] = subject{name: "system:node:" + node, groups: []string{"system:nodes"}}
	}
	for file, who := range users {
		issued, err := cluster.issue(who)
		if err != nil {
			return err
		}
		if err := s.save(file+".kubeconfig", s.kubeconfig(cluster, file, issued)); err != nil {
			return err
		}
		if file == "admin" {
			if err := s.saveBoth(file, issued); err != nil {
				return err
			}
		}
	}
	return nil
}

// saveServiceAccountKey writes the key that signs the tokens of service accounts.
func (s settings) saveServiceAccountKey() error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	private, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return err
	}
	public, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		return err
	}
	return s.saveBoth("sa", pair{encode("PUBLIC KEY", public), encode("EC PRIVATE KEY", private)})
}

func (s settings) savePair(by *authority, file string, who subject) error {
	issued, err := by.issue(who)
	if err != nil {
		return err
	}
	return s.saveBoth(file, issued)
}

func (s settings) saveBoth(file string, p pair) error {
	if err := s.save(file+".crt", p.certificate); err != nil {
		return err
	}
	return s.save(file+".key", p.key)
}

func (s settings) save(file string, content []byte) error {
	return os.WriteFile(filepath.Join(s.folder, file), content, 0o600)
}
