//go:build !unix

package malformed

import "errors"

func mkfifo(string) error { return errors.ErrUnsupported }
