# An image for a cluster's nodes; scripts/deploy has the manifests that run it.
IMAGE ?= localhost/sluice:latest

.PHONY: image
image: all
	$(Q)scripts/deploy/mkimage $(O) $(O)/sluice-image.tar '$(IMAGE)'

HELP_EXTRA += '' \
	'  make image       $(O)/sluice-image.tar, for `ctr -n k8s.io image import` (IMAGE=name:tag)'
