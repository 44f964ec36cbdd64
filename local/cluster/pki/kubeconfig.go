package pki

import (
	"encoding/base64"
	"fmt"
)

// kubeconfig holds its certificates itself, so that it works wherever it is copied to.
func (s settings) kubeconfig(cluster *authority, user string, issued pair) []byte {
	return fmt.Appendf(nil, `apiVersion: v1
kind: Config
current-context: %[1]s
clusters:
- name: %[1]s
  cluster:
    server: %[2]s
    certificate-authority-data: %[3]s
users:
- name: %[1]s-%[4]s
  user:
    client-certificate-data: %[5]s
    client-key-data: %[6]s
contexts:
- name: %[1]s
  context:
    cluster: %[1]s
    user: %[1]s-%[4]s
`, s.context, s.server, base64.StdEncoding.EncodeToString(cluster.pem), user,
		base64.StdEncoding.EncodeToString(issued.certificate), base64.StdEncoding.EncodeToString(issued.key))
}
