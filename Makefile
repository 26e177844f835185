# tornpage. `make` builds build/release/tornpage; `make help` lists the rest.
VARIANT ?= release
B := build/$(VARIANT)
ifeq ($(origin CC),default)
CC := gcc
endif
PKGS := fuse3 jansson libbpf zlib
PKG_CONFIG ?= pkg-config

WARN := -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wformat=2 -Wcast-qual \
        -Wnull-dereference
ifdef CI
WARN += -Werror
endif
CFLAGS_release := -O2 -g
CFLAGS_debug := -O0 -g3
CFLAGS_asan := -O1 -g -fsanitize=address,undefined -fno-omit-frame-pointer -fno-sanitize-recover=undefined
CFLAGS_tsan := -O1 -g -fsanitize=thread
CFLAGS_cov := -O0 -g --coverage
LDFLAGS_asan := -fsanitize=address,undefined
LDFLAGS_tsan := -fsanitize=thread
LDFLAGS_cov := --coverage

ALL_CFLAGS = -std=c17 -D_GNU_SOURCE -Iharness $(WARN) $(CFLAGS_$(VARIANT)) $(shell $(PKG_CONFIG) --cflags $(PKGS)) -pthread $(CFLAGS)
ALL_LDFLAGS = $(LDFLAGS_$(VARIANT)) -pthread $(LDFLAGS)
LIBS = $(shell $(PKG_CONFIG) --libs $(PKGS))

SRCS := $(sort $(wildcard harness/*/*.c) $(wildcard backends/*.c))
MAIN := harness/faces/main.c
# What actors run stands together in the program: a new process takes a fault for each 64 KiB of code that it touches.
ACTOR_SRCS := $(filter harness/actor/% harness/verbs/% harness/trial/trial_volume.c harness/language/syntax.c \
              harness/evidence/history.c,$(SRCS))
OBJS := $(patsubst %.c,$(B)/%.o,$(ACTOR_SRCS) $(filter-out $(ACTOR_SRCS),$(SRCS))) $(B)/gen/backends.o
# Its calls are bound when the program starts, else each new process would bind them anew.
$(ACTOR_SRCS:%.c=$(B)/%.o): CFLAGS += -fno-plt
LIB_OBJS := $(filter-out $(B)/$(MAIN:.c=.o),$(OBJS))
UNITS := $(patsubst ci/unit/%.c,$(B)/unit/%,$(sort $(wildcard ci/unit/test_*.c)))
COMMANDS := $(patsubst harness/faces/cmd_%.c,%,$(sort $(wildcard harness/faces/cmd_*.c)))
MANUALS := $(B)/man/tornpage.1 $(COMMANDS:%=$(B)/man/tornpage-%.1)
BACKENDS := $(patsubst backends/%.c,%,$(sort $(wildcard backends/*.c)))

# V=1 shows whole commands.
Q := $(if $(V),,@)
PREFIX ?= /usr/local
DESTDIR ?=
PYTHON ?= /usr/bin/python3
VARIANTS := release debug asan tsan cov
C_FILES = $(wildcard harness/*/*.c backends/*.c ci/unit/*.c)
H_FILES = $(wildcard harness/*/*.h backends/*.h ci/unit/*.h)
SCRIPTS := ci/deps.sh .ci/run

.PHONY: all units run test check-units check-python mutants lint format deps manuals install variants clean help FORCE
all: $(B)/tornpage

$(B)/tornpage: $(OBJS) $(B)/flags ## build the program (plain `make`; VARIANT=release|debug|asan|tsan|cov)
	@echo '  LD $@'
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $(OBJS) $(LIBS)

units: $(UNITS) ## build the C unit tests
$(B)/unit/%: $(B)/ci/unit/%.o $(LIB_OBJS) $(B)/flags
	@mkdir -p $(@D)
	@echo '  LD $@'
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $< $(LIB_OBJS) $(LIBS) -lcmocka

$(B)/%.o: %.c $(B)/flags
	@mkdir -p $(@D)
	@echo '  CC $@'
	$(Q)$(CC) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<
$(B)/gen/%.o: $(B)/gen/%.c $(B)/flags
	@echo '  CC $@'
	$(Q)$(CC) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

# The list of backends is the list of files in backends/.
$(B)/gen/backends.c: $(B)/flags
	@mkdir -p $(@D)
	@{ printf '#include "backend/backend.h"\n\n'; \
	   for b in $(BACKENDS); do printf 'extern const struct backend backend_%s;\n' $$b; done; \
	   printf '\nconst struct backend *const backends[] = {\n'; \
	   for b in $(BACKENDS); do printf '    &backend_%s,\n' $$b; done; printf '    NULL,\n};\n'; } > $@

# A stamp that changes when the flags or the list of sources do.
$(B)/flags: FORCE
	@mkdir -p $(@D)
	@echo '$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) $(SRCS)' | cmp -s - $@ || echo '$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) $(SRCS)' > $@

run: deps ## install what is missing, build, run every scenario on the default backends and print the matrix
	$(MAKE) VARIANT=release all
	build/release/tornpage run $(RUN)

test: ## build the release variant and run all tests
	$(MAKE) VARIANT=release all units check-python

check-units: units ## run the C unit tests of VARIANT
	@for t in $(UNITS); do echo "$$t"; $$t >$$t.log 2>&1 || { cat $$t.log; exit 1; }; done

check-python: ## run the pytest tests against build/VARIANT
	TORNPAGE=$(abspath $(B)/tornpage) TORNPAGE_UNITS=$(abspath $(B)/unit) $(PYTHON) -m pytest -q ci $(PYTEST)

mutants: ## plant mutations and run the unit tests that should notice (MUTANTS="--sample 50"; ci/mutants.py --help)
	$(MAKE) VARIANT=release units
	$(PYTHON) ci/mutants.py $(MUTANTS)

lint: $(B)/gen/backends.c ## check the form of the sources, and what the analysers say
	@echo '  clang-format, clang-tidy, cppcheck, shellcheck'
	$(Q)clang-format --dry-run --Werror $(C_FILES) $(H_FILES)
	$(Q)printf '%s\n' $(C_FILES) | xargs -P $$(nproc) -I FILE sh -c 'clang-tidy --quiet FILE -- $(TIDY_FLAGS) 2>/dev/null'
	@# What is uninitialised the compiler and clang tell better: cppcheck follows neither sigsetjmp nor error returns.
	cppcheck --quiet --std=c11 -D_GNU_SOURCE -Iharness --inline-suppr --error-exitcode=1 -j $$(nproc) \
	  --enable=warning,performance,portability --suppress=missingIncludeSystem --suppress=uninitvar \
	  --suppress=uninitStructMember harness backends
	shellcheck $(SCRIPTS)
TIDY_FLAGS = -std=c17 -D_GNU_SOURCE -Iharness $(shell $(PKG_CONFIG) --cflags $(PKGS))

format: ## put the sources into form
	clang-format -i $(C_FILES) $(H_FILES)

deps: ## install the packages needed (Debian, as root); says what is missing otherwise
	ci/deps.sh

variants: ## build all variants
	for v in $(VARIANTS); do $(MAKE) VARIANT=$$v all || exit 1; done

# The program prints its own manual pages and its completion.
manuals: $(MANUALS) $(B)/completion.bash ## make the manual pages and the completion for bash
$(B)/man/tornpage.1: $(B)/tornpage
	@mkdir -p $(@D)
	$(Q)$< help --man > $@.new && mv $@.new $@
$(B)/man/tornpage-%.1: $(B)/tornpage
	@mkdir -p $(@D)
	$(Q)$< help --man $* > $@.new && mv $@.new $@
$(B)/completion.bash: $(B)/tornpage
	$(Q)$< help --completion > $@.new && mv $@.new $@

install: $(B)/tornpage manuals ## install below DESTDIR and PREFIX (default /usr/local)
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/share/tornpage
	install $(B)/tornpage $(DESTDIR)$(PREFIX)/bin/tornpage
	install -D -m 644 -t $(DESTDIR)$(PREFIX)/share/man/man1 $(MANUALS)
	install -D -m 644 $(B)/completion.bash $(DESTDIR)$(PREFIX)/share/bash-completion/completions/tornpage
	cd scenarios && find . -type f | while read -r f; do \
	  install -D -m 644 "$$f" "$(DESTDIR)$(PREFIX)/share/tornpage/scenarios/$$f" || exit 1; done

help: ## this text
	@sed -n -E 's/^(\$$\(B\)\/)?([a-z-]+):.*## (.*)/\2|\3/p' Makefile | sort | while IFS='|' read -r t h; do printf '  %-14s %s\n' "$$t" "$$h"; done

clean: ## remove everything built
	rm -rf build

-include $(wildcard $(B)/harness/*/*.d $(B)/backends/*.d $(B)/ci/unit/*.d $(B)/gen/*.d)
.SECONDARY:
