# A Go program: no C library, a runtime that preempts by signals, a concurrent collector, and arenas reserved far ahead.
# run: tools=go window=4M idle=50ms limit=240
set -e
cat > work.go <<'GO'
package main

import (
	"crypto/sha256"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"sync"
	"time"
)

type node struct {
	left, right *node
	value       [40]byte
}

func build(depth int, seed uint64) *node {
	n := &node{}
	for i := range n.value {
		n.value[i] = byte(seed >> (uint(i) & 7))
	}
	if depth > 0 {
		n.left = build(depth-1, seed*6364136223846793005+1)
		n.right = build(depth-1, seed*3935559000370003845+7)
	}
	return n
}

func digest(n *node, h [32]byte) [32]byte {
	if n == nil {
		return h
	}
	h = sha256.Sum256(append(h[:], n.value[:]...))
	return digest(n.right, digest(n.left, h))
}

func main() {
	rounds := 3
	if scale, err := strconv.Atoi(os.Getenv("TARGET_SCALE")); err == nil {
		rounds *= scale
	}
	var group sync.WaitGroup
	digests := make([][32]byte, 8)
	for g := range digests {
		group.Add(1)
		go func(g int) {
			defer group.Done()
			kept := build(14, uint64(g))
			time.Sleep(400 * time.Millisecond)
			for k := 0; k < rounds; k++ {
				build(13, uint64(k))
			}
			runtime.GC()
			digests[g] = digest(kept, digests[g])
		}(g)
	}
	group.Wait()
	fmt.Printf("%x\n", digests)
}
GO
GOCACHE=$PWD/cache GO111MODULE=off go build -o work work.go
./work
