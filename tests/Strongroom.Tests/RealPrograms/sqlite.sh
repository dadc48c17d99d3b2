# An sqlite3 database in memory and one on disk: inserts, indexes, aggregates, integrity.
# run: tools=sqlite3 window=4M idle=50ms limit=180
rows=$((60000 * ${TARGET_SCALE:-1}))
for where in :memory: disk.db; do
sqlite3 $where <<SQL
PRAGMA cache_size = -32000;
CREATE TABLE t (id INTEGER PRIMARY KEY, a INTEGER, b TEXT, c BLOB);
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < $rows)
INSERT INTO t SELECT i, (i * 7919) % 10007, printf('text %08d', (i * 104729) % 1000003), zeroblob(i % 50) FROM n;
CREATE INDEX ta ON t (a, b);
CREATE INDEX tb ON t (b);
SELECT count(*), sum(a), min(b), max(b) FROM t;
SELECT a, count(*), sum(length(c)) FROM t WHERE a % 1000 = 7 GROUP BY a ORDER BY 2 DESC, 1 LIMIT 5;
UPDATE t SET b = b || '!' WHERE a < 3000;
DELETE FROM t WHERE id % 7 = 0;
SELECT sum(length(b)), count(DISTINCT b) FROM t JOIN (SELECT a AS x, max(id) AS y FROM t GROUP BY a) ON id = y;
PRAGMA integrity_check;
VACUUM;
SELECT count(*), sum(a) FROM t;
SQL
done
