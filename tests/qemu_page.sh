#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Run an arm64 program as on a kernel with larger pages, by QEMU's user mode.
#
# usage: qemu_page.sh BYTES PROGRAM     (MESON_EXE_WRAPPER: as Meson runs it)
# What /proc says stays as it is: a pagemap counts in the machine's own pages.
case ${MESON_EXE_WRAPPER:-} in
*qemu-aarch64*) ;;
*)
	echo "skip: PROGRAM is not run by qemu-aarch64"
	exit 77
	;;
esac
# shellcheck disable=SC2086 # a command with its arguments
exec $MESON_EXE_WRAPPER -p "$1" "$2"
