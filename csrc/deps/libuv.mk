# SPDX-License-Identifier: MIT
#
# libuv as position-independent code, for the Python module (see source.sh). Run by the Makefile once its source is there:
#   make -f csrc/deps/libuv.mk OUT=build/release CC=gcc FLAGS=...

SOURCE := build/deps/libuv/src
# What libuv's own build takes on Linux; versions differ in how they cut the Linux part into files.
UNIX   := async core dl epoll fs getaddrinfo getnameinfo linux linux-core linux-inotify linux-syscalls loop-watcher loop \
          pipe poll process procfs-exepath proctitle random-devurandom random-getrandom random-sysctl-linux signal stream \
          sysinfo-loadavg tcp thread tty udp
# At the end of the process libuv waits for its threads, and one of them may be looking up a name, which nothing can stop: Blender would hang for
# 20 s when it is closed. The system ends them as well. (The word is an attribute there, and stands in that file once.)
EXTRA_uv-common := -Ddestructor=unused
FILES  := $(wildcard $(SOURCE)/*.c $(UNIX:%=$(SOURCE)/unix/%.c))

$(OUT)/libuv.a: $(FILES:$(SOURCE)/%.c=$(OUT)/libuv/%.o)
	@rm -f $@
	@ar rcs $@ $^

$(OUT)/libuv/%.o: $(SOURCE)/%.c csrc/deps/libuv.mk
	@mkdir -p $(@D)
	@$(CC) -D_GNU_SOURCE -Ibuild/deps/libuv/include -I$(SOURCE) -std=gnu11 -g -fPIC -fvisibility=hidden $(FLAGS) $(EXTRA_$(*F)) -c $< -o $@
