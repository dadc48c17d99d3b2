# git: a history, threads that pack it, and a check of every object.
# run: tools=git window=16M idle=50ms limit=180
set -e
export HOME=$PWD GIT_AUTHOR_DATE='2020-01-01T00:00:00Z' GIT_COMMITTER_DATE='2020-01-01T00:00:00Z'
git init -q -b main repository
cd repository
git config user.email a@b && git config user.name n
for i in $(seq 12); do
    for f in $(seq 15); do seq $((i * f)) $((i * f + 3000)) > file$f; done
    git add . && git commit -q -m "change $i"
done
git gc -q --aggressive --prune=now
git fsck --full --strict
git log --format=%H | sha256sum
git clone -q --no-local . ../copy
git -C ../copy log --stat | sha256sum
