# Two commands are all one needs: `make demo` and `make test`. `make help` lists the rest.
CARGO    ?= cargo
RUSTC    ?= rustc
PYTHON   ?= python3
PREFIX   ?= /usr/local
DESTDIR  ?=
TARGET   := $(or $(CARGO_TARGET_DIR),target)
PYTHONS  := $(patsubst tests/python/%.txt,$(TARGET)/python/%/installed,$(wildcard tests/python/*.txt))
PROGRAMS := relayd mrpd mrpctl

# Relocations in their short form: where the linker writes them and the system's loader reads them, which is tried, the daemon needs
# 0.8 MB less.
SHORT    := link-arg=-Wl,-z,pack-relative-relocs
# The command line without the system's loader, which is a fifth of what a message from a script takes; where there is a static libc.
STATIC   := target-feature=+crt-static

# A profile is there before a build that uses it.
.NOTPARALLEL:
.PHONY: help build demo test lint python profile bench generated install

help:
	@echo 'make build     the three programs, for development, in $(TARGET)/debug'
	@echo 'make demo      a relay and two users on this machine; shows a piped message arrive'
	@echo 'make test      formatting, lints, documentation, and every test there is'
	@echo 'make lint      formatting, lints and documentation alone'
	@echo 'make bench     the short ones of the figures that bench/README.md explains'
	@echo 'make bench-all every figure, into bench/RESULTS.md; half an hour to an hour'
	@echo 'make profile   what a relay that serves and a command that sends do, for builds after it; needs `rustup component add llvm-tools`'
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

# The relay as `make install` makes it, and so are the others.
BUILT := $(TARGET)/release/relayd $(TARGET)/small/mrpd $(TARGET)/small/mrpctl
BENCH := $(TARGET)/release/bench $(foreach program,$(PROGRAMS),--$(program) $(TARGET)/installed/$(program))
.PHONY: programs bench-programs bench-all

# Whether a program that is built with a flag runs here.
runs = echo 'fn main() {}' | $(RUSTC) -C $(1) -o $(TARGET)/tried - && $(TARGET)/tried

# What a relay does that is used, and a command that sends, from programs that count: then the compiler knows what to put together, and
# what aside. Of sources that have changed since, it uses what is still true; of another compiler, nothing. The names of the files are new
# each time, since cargo looks at no more of them. Searches, and files both ways, each request signed: with every scenario of the bench a
# message costs the relay as much, and it is larger.
RUSTC_HASH = $$($(RUSTC) -vV | sed -n 's/^commit-hash: \(........\).*/\1/p')
COUNTING := $(abspath $(TARGET))/profile
COUNTED   = --target-dir '$(COUNTING)' --config "target.'cfg(all())'.rustflags = ['-C', 'profile-generate=$(COUNTING)/counts']"
TRAINING := 'discovery --agents 10000 --rounds 1' 'blob --rounds 1'
profile: build
	profdata="$$($(RUSTC) --print sysroot)/lib/rustlib/$$($(RUSTC) -vV | sed -n 's/^host: //p')/bin/llvm-profdata"; \
	    [ -x "$$profdata" ] || { echo 'make profile needs llvm-profdata: rustup component add llvm-tools' >&2; exit 1; }; \
	    keep() { \
	        "$$profdata" merge -o '$(COUNTING)/profdata' '$(COUNTING)/counts' && \
	            rm -rf $(TARGET)/$$1-*.profdata '$(COUNTING)/counts' && \
	            mv '$(COUNTING)/profdata' "$(TARGET)/$$1-$(RUSTC_HASH)-$$(date +%s).profdata"; \
	    }; \
	    $(CARGO) build --locked --release -p bench --bins && \
	    $(CARGO) build --locked --release -p relayd --bins $(COUNTED) && \
	    CARGO_CFG_HTTPARSE_DISABLE_SIMD=1 $(CARGO) build --locked --profile small -p mrpctl --bins $(COUNTED) && \
	    rm -rf '$(COUNTING)/counts' && \
	    for scenario in $(TRAINING); do \
	        $(TARGET)/release/bench --relayd '$(COUNTING)/release/relayd' $$scenario || exit 1; \
	    done && \
	    keep relayd && \
	    $(TARGET)/release/bench --relayd $(TARGET)/debug/relayd --mrpd $(TARGET)/debug/mrpd --mrpctl '$(COUNTING)/small/mrpctl' \
	        mrpctl-send --rounds 2 --lines 100 && \
	    keep mrpctl
	rm -rf '$(COUNTING)'

# The relay is made for speed, the others are made to be small; the relay and the command line by what is known of their use, where that was
# measured. What aborts on a panic unwinds nothing. A static program does not find getrandom(2) by itself, and would read /dev/urandom
# instead. The flags add to those of .cargo/config.toml, which RUSTFLAGS would replace. httparse asks the processor seven times what it can
# before it reads its first head; on a virtual machine that takes longer than all that it wins for a command that reads one. mrpd is built
# with it, and reads few.
programs:
	mkdir -p $(TARGET)
	short=; $(call runs,$(SHORT)) && short='"-C", "$(SHORT)", '; \
	    static=; $(call runs,$(STATIC)) && static='-C $(STATIC)'; \
	    random=; [ "$$(uname -s)" = Linux ] && random='"--cfg", "getrandom_backend=\"linux_getrandom\"", '; \
	    known() { for found in $(TARGET)/$$1-$(RUSTC_HASH)-*.profdata; do \
	        [ ! -e "$$found" ] || printf %s "\"-C\", \"profile-use=$$(realpath "$$found")\", "; \
	    done; }; \
	    flags() { printf %s "target.'cfg(all())'.rustflags = [$$*]"; }; \
	    $(CARGO) build --locked --release -p relayd --bins --config "$$(flags "$$short$$(known relayd)")" && \
	    export CARGO_CFG_HTTPARSE_DISABLE_SIMD=1 && \
	    small="\"-C\", \"force-unwind-tables=no\", $$short$$random" && \
	    $(CARGO) build --locked --profile small -p mrpd --bins --config "$$(flags "$$small")" && \
	    $(CARGO) rustc --locked --profile small -p mrpctl --bin mrpctl --config "$$(flags "$$small$$(known mrpctl)")" -- $$static

# Copies, as `make install` makes them, read from the disk as after a start of the machine: what a linker has written lies in the page cache
# in small pieces, which each start maps one by one, and sometimes so does a copy.
bench-programs: programs
	$(CARGO) build --locked --release -p bench --bins
	install -d $(TARGET)/installed
	install -m 755 $(BUILT) $(TARGET)/installed/
	for program in $(TARGET)/installed/*; do \
	    sync "$$program" && dd status=none if="$$program" iflag=nocache count=0 && cat "$$program" >/dev/null || exit 1; \
	done

bench: bench-programs
	$(BENCH) publish
	$(BENCH) publish --connections 1
	$(BENCH) latency
	$(BENCH) startup
	$(BENCH) idle-sockets
	$(BENCH) mrpctl-send
	$(BENCH) backlog
	$(BENCH) blob

bench-all: bench-programs
	$(BENCH) all

# Manual pages and completion scripts, from the programs themselves. man/mrp.7 alone is written by hand.
generated: build
	rm -f man/*.[158] man/mrp-hooks.7 man/mrpd-api.7
	$(TARGET)/debug/relayd man man
	$(TARGET)/debug/mrpd man man
	$(TARGET)/debug/mrpctl man man
	for program in $(PROGRAMS); do \
	    $(TARGET)/debug/$$program completions bash >completions/$$program.bash && \
	    $(TARGET)/debug/$$program completions fish >completions/$$program.fish && \
	    $(TARGET)/debug/$$program completions zsh >completions/_$$program || exit 1; \
	done
	$(TARGET)/debug/mrpctl completions elvish >completions/mrpctl.elv
	$(TARGET)/debug/mrpctl completions powershell >completions/mrpctl.ps1
	$(TARGET)/debug/mrpctl completions nushell >completions/mrpctl.nu

install: programs
	install -d '$(DESTDIR)$(PREFIX)/bin' '$(DESTDIR)$(PREFIX)/share/doc/mrp'
	install -m 755 $(BUILT) '$(DESTDIR)$(PREFIX)/bin/'
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
	for section in 1 5 7 8; do \
	    install -d "$(DESTDIR)$(PREFIX)/share/man/man$$section" && \
	    install -m 644 man/*.$$section "$(DESTDIR)$(PREFIX)/share/man/man$$section/" || exit 1; \
	done
	for program in $(PROGRAMS); do \
	    install -D -m 644 completions/$$program.bash "$(DESTDIR)$(PREFIX)/share/bash-completion/completions/$$program" && \
	    install -D -m 644 completions/$$program.fish "$(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d/$$program.fish" && \
	    install -D -m 644 completions/_$$program "$(DESTDIR)$(PREFIX)/share/zsh/site-functions/_$$program" || exit 1; \
	done
	install -m 644 completions/mrpctl.elv completions/mrpctl.ps1 completions/mrpctl.nu '$(DESTDIR)$(PREFIX)/share/doc/mrp/'
