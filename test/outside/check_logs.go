// Checks the log of a coordinator from what it serves, with Go's own packages for transparency logs.
//
// Usage: check_logs URL VKEY ORIGIN INDEX. Exits with 0 where the checkpoint is signed by VKEY and
// entry INDEX is included in it by golang.org/x/mod/sumdb/tlog, else with 1.
package main

import (
	"encoding/binary"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const width = 256

// reader reads tiles under C2SP tlog-tiles paths, which are those of sumdb without the height.
type reader struct{ prefix string }

func fetch(url string) ([]byte, error) {
	answer, err := http.Get(url)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s: %s", url, answer.Status)
	}
	return io.ReadAll(answer.Body)
}

func (r reader) Height() int { return 8 }

func (r reader) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	data := make([][]byte, len(tiles))
	for i, tile := range tiles {
		path := strings.Replace(tile.Path(), "tile/8/", "tile/", 1)
		bytes, err := fetch(r.prefix + path)
		if err != nil {
			return nil, err
		}
		data[i] = bytes
	}
	return data, nil
}

func (r reader) SaveTiles([]tlog.Tile, [][]byte) {}

func entryAt(prefix string, index, size int64) ([]byte, error) {
	tile := tlog.Tile{H: 8, L: 0, N: index / width, W: width}
	if rest := size - tile.N*width; rest < width {
		tile.W = int(rest)
	}
	path := strings.Replace(tile.Path(), "tile/8/0/", "tile/entries/", 1)
	bundle, err := fetch(prefix + path)
	if err != nil {
		return nil, err
	}
	for skip := index % width; ; skip-- {
		if len(bundle) < 2 || len(bundle) < 2+int(binary.BigEndian.Uint16(bundle)) {
			return nil, fmt.Errorf("an entry bundle that is cut short")
		}
		length := int(binary.BigEndian.Uint16(bundle))
		if skip == 0 {
			return bundle[2 : 2+length], nil
		}
		bundle = bundle[2+length:]
	}
}

func check(url, vkey, origin string, index int64) error {
	verifier, err := note.NewVerifier(vkey)
	if err != nil {
		return err
	}
	prefix := url + "/log/" + origin + "/"
	signed, err := fetch(prefix + "checkpoint")
	if err != nil {
		return err
	}
	opened, err := note.Open(signed, note.VerifierList(verifier))
	if err != nil {
		return err
	}
	lines := strings.Split(opened.Text, "\n")
	if len(lines) != 4 || lines[0] != origin {
		return fmt.Errorf("no checkpoint of %s", origin)
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil {
		return err
	}
	root, err := tlog.ParseHash(lines[2])
	if err != nil {
		return err
	}
	tree := tlog.Tree{N: size, Hash: root}
	proof, err := tlog.ProveRecord(size, index, tlog.TileHashReader(tree, reader{prefix}))
	if err != nil {
		return err
	}
	entry, err := entryAt(prefix, index, size)
	if err != nil {
		return err
	}
	return tlog.CheckRecord(proof, size, root, index, tlog.RecordHash(entry))
}

func main() {
	index, err := strconv.ParseInt(os.Args[4], 10, 64)
	if err == nil {
		err = check(os.Args[1], os.Args[2], os.Args[3], index)
	}
	if err != nil {
		fmt.Println("REFUSED:", err)
		os.Exit(1)
	}
	fmt.Println("OK: included")
}
