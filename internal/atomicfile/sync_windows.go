package atomicfile

// SyncFolder does nothing: Windows has no way to sync a folder.
func SyncFolder(dir string) error { return nil }
