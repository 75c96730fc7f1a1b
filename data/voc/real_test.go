package voc

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// BCCD's figures: counted with grep in its annotations.
func TestRealDataBCCD(t *testing.T) {
	dir := os.Getenv("GRADUS_DATA")
	if dir == "" {
		t.Skip("GRADUS_DATA isn't set")
	}
	set, err := Open(filepath.Join(dir, "bccd", "BCCD_Dataset-master.zip"), Config{})
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(set.Classes, []string{"Platelets", "RBC", "WBC"}) || !slices.Equal(set.Counts(), []int{361, 4153, 372}) || len(set.Scenes) != 364 {
		t.Error(set, set.Counts())
	}
	if len(set.Warnings) != 2 || !strings.Contains(set.Warnings[0], `BloodImage_00338.xml`) || !strings.Contains(set.Warnings[1], `Annotations/BloodImage_00343.xml:`) ||
		!strings.Contains(set.Warnings[1], `"RBC" (181, 329)–(181, 329) has no area; it was dropped`) {
		t.Errorf("%q", set.Warnings)
	}
	for _, i := range []int{0, 200, 363} {
		im, err := set.Scenes[i].Open()
		if err != nil || im.Width != 640 || im.Height != 480 {
			t.Error(im, err)
		}
	}
	for part, n := range map[string]int{"train": 205, "val": 87, "test": 72, "trainval": 292} {
		if set, err := Open(filepath.Join(dir, "bccd", "BCCD_Dataset-master.zip"), Config{Part: part}); err != nil || len(set.Scenes) != n {
			t.Error(part, err)
		}
	}
}
