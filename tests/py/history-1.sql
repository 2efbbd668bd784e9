-- SPDX-License-Identifier: GPL-2.0-only
-- What version 1 of the history wrote: iterdump() of four runs and a mark.
BEGIN TRANSACTION;
CREATE TABLE counter (
    run TEXT NOT NULL REFERENCES run(id),
    "case" TEXT NOT NULL,
    name TEXT NOT NULL,
    value INTEGER NOT NULL,
    PRIMARY KEY (run, "case", name));
INSERT INTO "counter" VALUES('285859ab1668ef21','map/engine:lpae-7.3/granule:4K/size:4K/count:1/cache:warm/walker:coherent','pte_writes',1);
INSERT INTO "counter" VALUES('285859ab1668ef21','map/engine:lpae-7.3/granule:4K/size:4K/count:1/cache:warm/walker:coherent','tables_alloc',0);
INSERT INTO "counter" VALUES('1d42b543f0075fcf','map/engine:lpae-7.3/granule:4K/size:4K/count:1/cache:warm/walker:coherent','pte_writes',1);
INSERT INTO "counter" VALUES('1d42b543f0075fcf','map/engine:lpae-7.3/granule:4K/size:4K/count:1/cache:warm/walker:coherent','tables_alloc',0);
INSERT INTO "counter" VALUES('5457a42f0dcdd0d4','map/engine:lpae-7.3/granule:4K/size:4K/count:1/cache:warm/walker:coherent','pte_writes',1);
INSERT INTO "counter" VALUES('5457a42f0dcdd0d4','map/engine:lpae-7.3/granule:4K/size:4K/count:1/cache:warm/walker:coherent','tables_alloc',0);
INSERT INTO "counter" VALUES('b3e0270e0f952ad4','map/engine:lpae-7.3/granule:4K/size:4K/count:1/cache:warm/walker:coherent','pte_writes',1);
INSERT INTO "counter" VALUES('b3e0270e0f952ad4','map/engine:lpae-7.3/granule:4K/size:4K/count:1/cache:warm/walker:coherent','tables_alloc',0);
CREATE TABLE machine (
    id TEXT PRIMARY KEY,
    facts TEXT NOT NULL);
INSERT INTO "machine" VALUES('5101cc81c6d21700','{"iopt_host": "here", "iopt_host_cpu_model": "Made-up CPU", "iopt_host_arch": "aarch64", "iopt_host_packages": "unknown", "iopt_host_cores": "unknown", "iopt_host_pus": "unknown", "iopt_host_caches": "unknown", "iopt_host_page_size": "unknown", "iopt_host_hypervisor": "unknown", "iopt_lib_benchmark": "unknown"}');
CREATE TABLE mark (
    id TEXT PRIMARY KEY,
    made TEXT NOT NULL,
    machine TEXT NOT NULL,
    "case" TEXT NOT NULL,
    revision TEXT NOT NULL,
    kind TEXT NOT NULL,
    reason TEXT NOT NULL);
INSERT INTO "mark" VALUES('376fccf5255c1ec1','2026-02-01','','*','','ignored','x');
CREATE TABLE point (
    run TEXT NOT NULL REFERENCES run(id),
    "case" TEXT NOT NULL,
    op TEXT NOT NULL,
    ratio REAL NOT NULL,
    low REAL NOT NULL,
    high REAL NOT NULL,
    old_ns REAL NOT NULL,
    new_ns REAL NOT NULL,
    samples TEXT NOT NULL,
    PRIMARY KEY (run, "case", op));
INSERT INTO "point" VALUES('285859ab1668ef21','map/engine:lpae-7.3/granule:4K/size:4K/count:1/cache:warm/walker:coherent','',0.99999999875,9.99650000000000149569e-01,1.00035,20.0,20.0,'{"old": [20, 20, 20, 20, 20, 20, 20, 20, 20, 20], "new": [19.991, 19.993000000000002, 19.995, 19.997, 19.999, 20.001, 20.003, 20.005000000000003, 20.007, 20.009]}');
INSERT INTO "point" VALUES('1d42b543f0075fcf','map/engine:lpae-7.3/granule:4K/size:4K/count:1/cache:warm/walker:coherent','',0.99999999875,9.99650000000000149569e-01,1.00035,20.0,20.0,'{"old": [20, 20, 20, 20, 20, 20, 20, 20, 20, 20], "new": [19.991, 19.993000000000002, 19.995, 19.997, 19.999, 20.001, 20.003, 20.005000000000003, 20.007, 20.009]}');
INSERT INTO "point" VALUES('5457a42f0dcdd0d4','map/engine:lpae-7.3/granule:4K/size:4K/count:1/cache:warm/walker:coherent','',0.99999999875,9.99650000000000149569e-01,1.00035,20.0,20.0,'{"old": [20, 20, 20, 20, 20, 20, 20, 20, 20, 20], "new": [19.991, 19.993000000000002, 19.995, 19.997, 19.999, 20.001, 20.003, 20.005000000000003, 20.007, 20.009]}');
INSERT INTO "point" VALUES('b3e0270e0f952ad4','map/engine:lpae-7.3/granule:4K/size:4K/count:1/cache:warm/walker:coherent','',0.99999999875,9.99650000000000149569e-01,1.00035,20.0,20.0,'{"old": [20, 20, 20, 20, 20, 20, 20, 20, 20, 20], "new": [19.991, 19.993000000000002, 19.995, 19.997, 19.999, 20.001, 20.003, 20.005000000000003, 20.007, 20.009]}');
CREATE TABLE run (
    id TEXT PRIMARY KEY,
    machine TEXT NOT NULL REFERENCES machine(id),
    anchor TEXT NOT NULL,
    revision TEXT NOT NULL,
    started TEXT NOT NULL,
    context TEXT NOT NULL);
INSERT INTO "run" VALUES('285859ab1668ef21','5101cc81c6d21700','v1','r1','2026-01-01T03:04:05+00:00','{"iopt_host": "here", "iopt_host_cpu_model": "Made-up CPU", "iopt_host_arch": "aarch64", "iopt_host_kernel": "6.12.1", "iopt_started": "2026-01-01T03:04:05+00:00"}');
INSERT INTO "run" VALUES('1d42b543f0075fcf','5101cc81c6d21700','v1','r2','2026-01-02T03:04:05+00:00','{"iopt_host": "here", "iopt_host_cpu_model": "Made-up CPU", "iopt_host_arch": "aarch64", "iopt_host_kernel": "6.12.1", "iopt_started": "2026-01-02T03:04:05+00:00"}');
INSERT INTO "run" VALUES('5457a42f0dcdd0d4','5101cc81c6d21700','v1','r3','2026-01-03T03:04:05+00:00','{"iopt_host": "here", "iopt_host_cpu_model": "Made-up CPU", "iopt_host_arch": "aarch64", "iopt_host_kernel": "6.12.1", "iopt_started": "2026-01-03T03:04:05+00:00"}');
INSERT INTO "run" VALUES('b3e0270e0f952ad4','5101cc81c6d21700','v1','r4','2026-01-04T03:04:05+00:00','{"iopt_host": "here", "iopt_host_cpu_model": "Made-up CPU", "iopt_host_arch": "aarch64", "iopt_host_kernel": "6.12.1", "iopt_started": "2026-01-04T03:04:05+00:00"}');
CREATE TRIGGER machine_UPDATE BEFORE UPDATE ON machine BEGIN SELECT RAISE(ABORT, 'a history only grows'); END;
CREATE TRIGGER machine_DELETE BEFORE DELETE ON machine BEGIN SELECT RAISE(ABORT, 'a history only grows'); END;
CREATE TRIGGER run_UPDATE BEFORE UPDATE ON run BEGIN SELECT RAISE(ABORT, 'a history only grows'); END;
CREATE TRIGGER run_DELETE BEFORE DELETE ON run BEGIN SELECT RAISE(ABORT, 'a history only grows'); END;
CREATE TRIGGER point_UPDATE BEFORE UPDATE ON point BEGIN SELECT RAISE(ABORT, 'a history only grows'); END;
CREATE TRIGGER point_DELETE BEFORE DELETE ON point BEGIN SELECT RAISE(ABORT, 'a history only grows'); END;
CREATE TRIGGER counter_UPDATE BEFORE UPDATE ON counter BEGIN SELECT RAISE(ABORT, 'a history only grows'); END;
CREATE TRIGGER counter_DELETE BEFORE DELETE ON counter BEGIN SELECT RAISE(ABORT, 'a history only grows'); END;
CREATE TRIGGER mark_UPDATE BEFORE UPDATE ON mark BEGIN SELECT RAISE(ABORT, 'a history only grows'); END;
CREATE TRIGGER mark_DELETE BEFORE DELETE ON mark BEGIN SELECT RAISE(ABORT, 'a history only grows'); END;
COMMIT;
PRAGMA user_version = 1;
