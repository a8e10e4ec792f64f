// Command cert-manager runs cert-manager's own control loops, of its published Go module.
//
//	cert-manager controller|cainjector <kubeconfig> [<feature gates>]
//
// The module carries no main package of them: cmd/controller and cmd/cainjector are modules that
// are not published, and do nothing but what is done here, besides flags, metrics and an election.
package main

import (
	"context"
	"log"
	"os"
	"os/signal"
	"syscall"

	"github.com/cert-manager/cert-manager/pkg/util/feature"
	"k8s.io/klog/v2"
	ctrl "sigs.k8s.io/controller-runtime"
)

func main() {
	if len(os.Args) < 3 || len(os.Args) > 4 {
		log.Fatal("usage: cert-manager controller|cainjector <kubeconfig> [<feature gates>]")
	}
	for _, gates := range os.Args[3:] {
		if err := feature.DefaultMutableFeatureGate.Set(gates); err != nil {
			log.Fatal(err)
		}
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	ctrl.SetLogger(klog.Background())
	loops := map[string]func(context.Context, string) error{
		"controller": runController,
		"cainjector": runCAInjector,
	}
	run, known := loops[os.Args[1]]
	if !known {
		log.Fatalf("no part of cert-manager: %s", os.Args[1])
	}
	if err := run(klog.NewContext(ctx, klog.Background()), os.Args[2]); err != nil {
		log.Fatal(err)
	}
}
