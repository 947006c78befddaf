# A cluster to try things on, until ^C: scripts/cluster/up.
.PHONY: cluster

NODES ?= 2

cluster: deps
	$(Q)$(MAKE) --no-print-directory tests
	$(Q)scripts/cluster/up --hold $(if $(SERVICES),--services) $(NODES)

HELP_EXTRA += '  make cluster        Kubernetes and sluice on NODES=2 nodes of namespaces, until ^C (SERVICES=1: with cluster IPs)'
