# Two commands are all one needs: `make demo` and `make test`. `make help` lists the rest.
CARGO    ?= cargo
PYTHON   ?= python3
PREFIX   ?= /usr/local
DESTDIR  ?=
TARGET   := $(or $(CARGO_TARGET_DIR),target)
PYTHONS  := $(patsubst tests/python/%.txt,$(TARGET)/python/%/installed,$(wildcard tests/python/*.txt))
PROGRAMS := relayd mrpd mrpctl

.PHONY: help build demo test lint python bench generated install

help:
	@echo 'make build     the three programs, for development, in $(TARGET)/debug'
	@echo 'make demo      a relay and two users on this machine; shows a piped message arrive'
	@echo 'make test      formatting, lints, documentation, and every test there is'
	@echo 'make lint      formatting, lints and documentation alone'
	@echo 'make bench     the figures that bench/README.md explains'
	@echo 'make generated manual pages and completion scripts, after a change of the command line'
	@echo 'make install   a release build into $$(DESTDIR)$$(PREFIX)/bin, with unit, manual pages and completions  (PREFIX=$(PREFIX))'

build:
	$(CARGO) build --locked --workspace --bins

demo: build
	$(TARGET)/debug/mrpctl demo

lint:
	$(CARGO) fmt --all --check
	$(CARGO) clippy --locked --workspace --all-targets -- -D warnings
	RUSTDOCFLAGS='-D warnings' $(CARGO) doc --locked --workspace --no-deps

# The programs first: tests/ runs them as processes.
test: lint build python
	$(CARGO) build --locked --workspace --bin mrpd-failpoints --features mrpd/failpoints
	MRP_TEST_PYTHON=$(abspath $(TARGET))/python $(CARGO) test --locked --workspace --no-fail-fast

# The published clients, unmodified, and tools of the tests: each in a virtual environment of its own.
python: $(PYTHONS)
$(TARGET)/python/%/installed: tests/python/%.txt
	$(PYTHON) -m venv $(@D)
	$(@D)/bin/python -m pip install --quiet --disable-pip-version-check -r $<
	touch $@

bench:
	$(CARGO) build --locked --release -p relayd -p bench
	$(TARGET)/release/bench durable-send
	$(TARGET)/release/bench idle-sockets
	$(TARGET)/release/bench discovery --agents 1000000

# Manual pages and completion scripts, from the programs themselves.
generated: build
	rm -f man/*.8
	$(TARGET)/debug/relayd man man
	$(TARGET)/debug/relayd completions bash > completions/relayd.bash
	$(TARGET)/debug/relayd completions fish > completions/relayd.fish
	$(TARGET)/debug/relayd completions zsh > completions/_relayd

install:
	$(CARGO) build --locked --release --workspace --bins
	install -d '$(DESTDIR)$(PREFIX)/bin' '$(DESTDIR)$(PREFIX)/share/doc/mrp'
	for program in $(PROGRAMS); do install -m 755 $(TARGET)/release/$$program '$(DESTDIR)$(PREFIX)/bin/' || exit 1; done
	install -d '$(DESTDIR)$(PREFIX)/lib/systemd/system'
	sed 's|/usr/bin/|$(PREFIX)/bin/|; s|/usr/share/|$(PREFIX)/share/|' systemd/relayd.service >'$(DESTDIR)$(PREFIX)/lib/systemd/system/relayd.service'
	chmod 644 '$(DESTDIR)$(PREFIX)/lib/systemd/system/relayd.service'
	install -d '$(DESTDIR)$(PREFIX)/lib/systemd/user'
	for unit in mrpd.socket mrpd@.socket mrpd@.service mrpd.service; do \
	    case $$unit in *@*) dir=system;; *) dir=user;; esac; \
	    sed 's|/usr/bin/|$(PREFIX)/bin/|; s|/usr/share/|$(PREFIX)/share/|' "systemd/$$unit" >"$(DESTDIR)$(PREFIX)/lib/systemd/$$dir/$$unit" || exit 1; \
	    chmod 644 "$(DESTDIR)$(PREFIX)/lib/systemd/$$dir/$$unit" || exit 1; \
	done
	install -m 644 systemd/mrpd-sudo.conf '$(DESTDIR)$(PREFIX)/share/doc/mrp/'
	install -m 644 README.md CHANGELOG.md LICENSE-MIT LICENSE-APACHE '$(DESTDIR)$(PREFIX)/share/doc/mrp/'
	install -d '$(DESTDIR)$(PREFIX)/share/man/man8'
	install -m 644 man/*.8 '$(DESTDIR)$(PREFIX)/share/man/man8/'
	install -D -m 644 completions/relayd.bash '$(DESTDIR)$(PREFIX)/share/bash-completion/completions/relayd'
	install -D -m 644 completions/relayd.fish '$(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d/relayd.fish'
	install -D -m 644 completions/_relayd '$(DESTDIR)$(PREFIX)/share/zsh/site-functions/_relayd'
