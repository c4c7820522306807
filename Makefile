# Everything runs through a small launcher that needs Python and nothing else; see app/launcher.
PYTHON ?= python3
LAUNCH := @$(PYTHON) -m app.launcher

.PHONY: help run demo demo-reset test bench prepare lock

help: ## Show the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

run: ## Build what is missing, start everything, stop with Ctrl-C (LOGS=1 shows the logs)
	$(LAUNCH) run $(if $(LOGS),--show-logs)

demo: ## Play the whole journey in Chromium and keep what it made
	$(LAUNCH) demo

demo-reset: ## Discard the demo data; the next start begins afresh
	$(LAUNCH) demo-reset

test: ## Run every check and every test (ARGS=... goes to pytest)
	$(LAUNCH) test $(ARGS)

bench: ## Run the benchmarks
	$(LAUNCH) bench $(ARGS)

prepare: ## Build the environment, the front end and the models without starting anything
	$(LAUNCH) prepare --dev

lock: ## Resolve the lock files anew (UPGRADE=1 takes the newest versions)
	$(LAUNCH) lock $(if $(UPGRADE),--upgrade)
