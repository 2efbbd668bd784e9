/* SPDX-License-Identifier: GPL-2.0-only */
/* A text as JSON has it. */
#ifndef IOPT_JSON_TEXT_H
#define IOPT_JSON_TEXT_H

#include <stdio.h>

#include "types.h"

IOPT_BEGIN_DECLS

/**
 * json_text() - Write a text in quotes.
 * @out: where to
 * @text: any bytes; those above ASCII are written as Latin-1
 */
void json_text(FILE *out, const char *text);

IOPT_END_DECLS

#endif
