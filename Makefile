# tornpage. `make` builds build/release/tornpage; `make help` lists the rest.
VARIANT ?= release
B := build/$(VARIANT)
CC ?= gcc
PKGS := fuse3 jansson zlib
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
OBJS := $(SRCS:%.c=$(B)/%.o) $(B)/gen/backends.o
LIB_OBJS := $(filter-out $(B)/$(MAIN:.c=.o),$(OBJS))
UNITS := $(patsubst ci/unit/%.c,$(B)/unit/%,$(sort $(wildcard ci/unit/test_*.c)))
BACKENDS := $(patsubst backends/%.c,%,$(sort $(wildcard backends/*.c)))

.PHONY: all units clean help FORCE
all: $(B)/tornpage

$(B)/tornpage: $(OBJS) $(B)/flags
	$(CC) $(ALL_LDFLAGS) -o $@ $(OBJS) $(LIBS)

units: $(UNITS) ## build the C unit tests
$(B)/unit/%: $(B)/ci/unit/%.o $(LIB_OBJS) $(B)/flags
	@mkdir -p $(@D)
	$(CC) $(ALL_LDFLAGS) -o $@ $< $(LIB_OBJS) $(LIBS) -lcmocka

$(B)/%.o: %.c $(B)/flags
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<
$(B)/gen/%.o: $(B)/gen/%.c $(B)/flags
	$(CC) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

# The list of backends is the list of files in backends/.
$(B)/gen/backends.c: $(B)/flags
	@mkdir -p $(@D)
	@{ printf '#include "engine/backend.h"\n\n'; \
	   for b in $(BACKENDS); do printf 'extern const struct backend backend_%s;\n' $$b; done; \
	   printf '\nconst struct backend *const backends[] = {\n'; \
	   for b in $(BACKENDS); do printf '    &backend_%s,\n' $$b; done; printf '    NULL,\n};\n'; } > $@

# A stamp that changes when the flags or the list of sources do.
$(B)/flags: FORCE
	@mkdir -p $(@D)
	@echo '$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) $(SRCS)' | cmp -s - $@ || echo '$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) $(SRCS)' > $@

clean: ## remove everything built
	rm -rf build

-include $(wildcard $(B)/harness/*/*.d $(B)/backends/*.d $(B)/ci/unit/*.d $(B)/gen/*.d)
.SECONDARY:
