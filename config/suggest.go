// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package config

import (
	"strings"
)

// didYouMean is a hint for a word that is not one of words: the nearest, or
// all of them after intro if none is near.
func didYouMean(word string, words []string, intro string) string {
	if hint := maybe(word, words); hint != "" {
		return hint
	}
	if len(words) == 0 {
		return ""
	}
	const most = 20
	if len(words) > most {
		return intro + strings.Join(words[:most], ", ") + ", ..."
	}
	return intro + strings.Join(words, ", ")
}

// maybe is a hint if one of words is near, or is called word elsewhere.
func maybe(word string, words []string) string {
	if meant := guess(word, words); meant != "" {
		return "did you mean " + meant + "?"
	}
	return ""
}

// guess is the one of words that is near, or is called word elsewhere, or "".
func guess(word string, words []string) string {
	if ours := elsewhere(word, words); ours != "" {
		return ours
	}
	return nearest(word, words)
}

// nearest is the word with the smallest edit distance, if that is small enough
// to be a slip and no other word is as near, or "".
func nearest(word string, words []string) string {
	if len(word) > 64 {
		return ""
	}
	folded := fold(word)
	best, bestDistance, tie := "", 0, false
	for _, w := range words {
		f := fold(w)
		d := distance(folded, f)
		limit := max(1, min(len(f), len(folded))/3)
		if len(folded) >= 4 && (strings.HasPrefix(f, folded) || strings.HasPrefix(folded, f) && len(f) >= 4) {
			limit = d
		}
		switch {
		case d > limit || best != "" && d > bestDistance:
		case best != "" && d == bestDistance:
			tie = true
		default:
			best, bestDistance, tie = w, d, false
		}
	}
	if tie {
		return ""
	}
	return best
}

// fold makes advertInterval, advert-interval and Advert_Interval one word.
func fold(word string) string {
	return strings.ToLower(strings.NewReplacer("_", "", "-", "", " ", "").Replace(word))
}

// distance counts the insertions, deletions, replacements and swaps of
// neighbours that turn a into b (optimal string alignment), in bytes.
func distance(a, b string) int {
	before := make([]int, len(b)+1) // the row two above
	above := make([]int, len(b)+1)
	row := make([]int, len(b)+1)
	for j := range above {
		above[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(above[j]+1, row[j-1]+1, above[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, above, row = above, row, before
	}
	return above[len(b)]
}
