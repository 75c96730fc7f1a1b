package tensor

import (
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"strings"
)

// Error is a mistake in how tensors or layers were put together: a wrong shape,
// axis, data type or state. It is what operations panic with.
type Error struct {
	Op      string // operation, such as "matmul"
	Problem string // what was expected and what was got
	Hint    string // what to do about it, or ""
	Layer   string // path of the layer in the model, such as "fc1", or ""
	Caller  string // file:line of the code that called into Gradus, or ""
}

// Error returns one sentence with everything known, such as
//
//	matmul: (64, 784) × (512, 10): inner sizes 784 and 512 differ; transpose b? in fc1, main.go:31
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.Op + ": " + e.Problem)
	if e.Hint != "" {
		b.WriteString("; " + e.Hint)
	}
	switch {
	case e.Layer != "" && e.Caller != "":
		fmt.Fprintf(&b, " (in %s, %s)", e.Layer, e.Caller)
	case e.Layer != "":
		fmt.Fprintf(&b, " (in %s)", e.Layer)
	case e.Caller != "":
		fmt.Fprintf(&b, " (%s)", e.Caller)
	}
	return b.String()
}

// Try calls f and returns its error, or, if f panicked with an [*Error], that
// error. Other panics go on.
func Try(f func() error) (err error) {
	defer func() {
		switch r := recover().(type) {
		case nil:
		case *Error:
			err = r
		default:
			if e, ok := r.(error); ok {
				if te := (*Error)(nil); errors.As(e, &te) {
					err = e
					return
				}
			}
			panic(r)
		}
	}()
	return f()
}

// problem is what a shape rule returns when it rejects its inputs.
type problem struct{ text, hint string }

func (p *problem) Error() string { return p.text }

// reject builds the error of a shape rule: hint says what to do ("" if nothing
// sensible can be said), the rest what was expected and got.
func reject(hint, format string, args ...any) error {
	return &problem{fmt.Sprintf(format, args...), hint}
}

// Fail panics with an [*Error] for op: for layers and functions built on tensors.
func Fail(op, hint, format string, args ...any) {
	panic(&Error{Op: op, Problem: fmt.Sprintf(format, args...), Hint: hint, Caller: caller()})
}

// fail panics with the error that a shape rule returned.
func fail(op string, err error) {
	e := &Error{Op: op, Problem: err.Error(), Caller: caller()}
	if p, ok := err.(*problem); ok {
		e.Hint = p.hint
	}
	panic(e)
}

// modulePath prefixes the names of this module's functions.
const modulePath = "github.com/gradus-ml/gradus/"

// caller returns file:line of the nearest frame that isn't the library's own.
// Recipes, commands and tests count as a user's code.
func caller() string {
	var pcs [64]uintptr
	frames := runtime.CallersFrames(pcs[:runtime.Callers(2, pcs[:])])
	for {
		f, more := frames.Next()
		rest, own := strings.CutPrefix(f.Function, modulePath)
		if own && (strings.HasPrefix(rest, "recipes") || strings.HasPrefix(rest, "cmd/") || strings.HasSuffix(f.File, "_test.go")) {
			own = false
		}
		if !own && f.File != "" && !strings.HasPrefix(f.Function, "runtime.") && !strings.HasPrefix(f.Function, "testing.") {
			return fmt.Sprintf("%s:%d", filepath.Base(f.File), f.Line)
		}
		if !more {
			return ""
		}
	}
}

// ShapeString writes a shape, or a position in a tensor, as all messages of Gradus do: (2, 3), (5), () for a scalar.
func ShapeString(shape []int) string {
	var b strings.Builder
	b.WriteByte('(')
	for i, n := range shape {
		if i > 0 {
			b.WriteString(", ")
		}
		fmt.Fprint(&b, n)
	}
	b.WriteByte(')')
	return b.String()
}
