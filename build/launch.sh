# Builds the command line for the launcher. Sourced by ./strongroom, which sets $root and defines stale.
# A build goes to a directory of its own and `current` is switched to it in one step, so a running command never sees its
# assemblies change under it.

set -eu
launch=$root/artifacts/launch
mkdir -p "$launch"
exec 9>"$launch/lock"
flock 9

# Another start may have built while this one waited.
stale || exit 0

if ! command -v dotnet >/dev/null; then
    echo "strongroom: the .NET 10 SDK is needed to build (the command 'dotnet' was not found)" >&2
    exit 1
fi

build=$launch/$(date +%s).$$
mkdir "$build"
: >"$build/stamp" # older than any source that changes during the build
log=$launch/build.log

# No descriptor of the lock for the build servers, which would hold it after the build. stdin stays the command's.
publish() {
    dotnet publish "$root/src/Strongroom.Cli/Strongroom.Cli.csproj" -c Release -r linux-x64 --no-self-contained -o "$build" \
        --nologo -v quiet -nodeReuse:false -p:UseSharedCompilation=false "-clp:ErrorsOnly;NoSummary" -p:StrongroomLaunch=true \
        -p:PublishReadyToRun="$1" </dev/null >"$log" 2>&1 9>&-
}

# Compiled ahead of time it starts in half the time, and its first faults do not wait for the compiler. That needs one more
# package, so a machine without it (and without a network) gets a plain build.
if ! publish true && ! publish false; then
    cat "$log" >&2
    echo "strongroom: the build failed" >&2
    rm -rf "$build"
    exit 1
fi
ln -s "${build##*/}" "$launch/current.$$"
mv -T "$launch/current.$$" "$launch/current"

# Older builds may still run: they load assemblies when first needed. A week is taken as long enough.
find "$launch" -mindepth 1 -maxdepth 1 -type d -mtime +7 ! -path "$build" ! -path "$launch/build" -exec rm -rf {} +
