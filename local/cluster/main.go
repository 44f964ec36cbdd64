// Command headrace-cluster is a whole Kubernetes in one binary: the control plane, the kubelet and kubectl as they are
// released, and a container runtime of our own whose containers are processes of this machine.
package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"syscall"

	"github.com/spf13/cobra"
	"go.etcd.io/etcd/server/v3/etcdmain"
	_ "k8s.io/client-go/plugin/pkg/client/auth"
	"k8s.io/component-base/cli"
	"k8s.io/component-base/logs"
	kubectl "k8s.io/kubectl/pkg/cmd"
	kubectlutil "k8s.io/kubectl/pkg/cmd/util"
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
	controllers "k8s.io/kubernetes/cmd/kube-controller-manager/app"
	scheduler "k8s.io/kubernetes/cmd/kube-scheduler/app"
	kubelet "k8s.io/kubernetes/cmd/kubelet/app"

	"headrace.dev/local/cluster/pki"
	"headrace.dev/local/cluster/processes"
)

// roles are the subcommands but for `enter`, which package rootfs takes before main; each reads os.Args[1:] as its own arguments and returns its exit code.
var roles = map[string]func() int{
	"etcd":               func() int { etcdmain.Main(os.Args); return 0 },
	"apiserver":          func() int { return run(apiserver.NewAPIServerCommand()) },
	"controller-manager": func() int { return run(controllers.NewControllerManagerCommand()) },
	"scheduler":          func() int { return run(scheduler.NewSchedulerCommand()) },
	"kubelet":            func() int { return run(kubelet.NewKubeletCommand(context.Background())) },
	"kubectl":            runKubectl,
	"runtime":            func() int { return explain(processes.Main(os.Args[1:])) },
	"pki":                func() int { return explain(pki.Main(os.Args[1:])) },
}

func main() {
	if len(os.Args) >= 2 {
		if role, ok := roles[os.Args[1]]; ok {
			os.Args = os.Args[1:]
			os.Exit(role())
		}
	}
	fmt.Fprintln(os.Stderr, "usage: headrace-cluster etcd|apiserver|controller-manager|scheduler|kubelet|kubectl|runtime|enter|pki ARGS")
	os.Exit(2)
}

func run(command *cobra.Command) int { return cli.Run(command) }

func runKubectl() int {
	_, _ = logs.GlogSetter(kubectl.GetLogVerbosity(os.Args))
	keepCacheWithTheCluster()
	if err := cli.RunNoErrOutput(kubectl.NewDefaultKubectlCommand()); err != nil {
		kubectlutil.CheckErr(err)
	}
	return 0
}

// keepCacheWithTheCluster puts what kubectl learns of an API server beside its kubeconfig. In the home folder it would outlive
// the cluster, and be believed for hours of the next one that gets the same port. Root looking at somebody else's cluster
// keeps nothing: its owner could not remove it.
func keepCacheWithTheCluster() {
	config := os.Getenv("KUBECONFIG")
	if config == "" || os.Getenv("KUBECACHEDIR") != "" {
		return
	}
	cache := os.DevNull
	if info, err := os.Stat(filepath.Dir(config)); err == nil {
		if owner, ok := info.Sys().(*syscall.Stat_t); ok && int(owner.Uid) == os.Geteuid() {
			cache = filepath.Join(filepath.Dir(config), "kubectl-cache")
		}
	}
	_ = os.Setenv("KUBECACHEDIR", cache)
}

func explain(err error) int {
	if err == nil {
		return 0
	}
	fmt.Fprintln(os.Stderr, "headrace-cluster:", err)
	return 1
}
