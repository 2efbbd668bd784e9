/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Memory statistics: nobody reads them here, so nothing is kept. The arena
 * counts allocations itself.
 */
#ifndef SHIM_LINUX_VMSTAT_H
#define SHIM_LINUX_VMSTAT_H

#define mod_node_page_state(node, item, nr)    ((void)(nr))
#define mod_lruvec_page_state(page, item, nr)  ((void)(nr))
#define lruvec_stat_mod_folio(folio, item, nr) ((void)(nr))

#endif
