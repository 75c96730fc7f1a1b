package nn

import (
	"fmt"
	"reflect"
	"strings"
)

// Check returns an error that lists the parameters and layers that are stored in fields of model, or of a layer in it, but that
// Visit doesn't name: they would be neither trained nor saved. For use in tests of one's own layers.
func Check(model Layer) error {
	var bad []string
	Walk(model, func(path string, l Layer) {
		named := map[any]bool{}
		l.Visit(&Visitor{
			param: func(_ string, p *Param) { named[p] = true },
			layer: func(_ string, c Layer) { named[key(c)] = true },
		})
		for name, v := range held(reflect.ValueOf(l)) {
			if !named[v] {
				bad = append(bad, strings.TrimPrefix(path+"."+name, "."))
			}
		}
	})
	if len(bad) == 0 {
		return nil
	}
	return fmt.Errorf("nn: Visit doesn't name %s; add v.Param, v.Buffer or v.Child for each", strings.Join(bad, ", "))
}

var (
	paramType = reflect.TypeFor[*Param]()
	layerType = reflect.TypeFor[Layer]()
)

// key returns what a layer is compared by: itself if it can be compared.
func key(l Layer) any {
	if reflect.TypeOf(l).Comparable() {
		return l
	}
	return nil
}

// held returns the parameters and layers in the exported and unexported fields of a struct, in structs, slices, arrays and maps in them
// too.
func held(v reflect.Value) map[string]any {
	out := map[string]any{}
	for v.Kind() == reflect.Pointer || v.Kind() == reflect.Interface {
		if v.IsNil() {
			return out
		}
		v = v.Elem()
	}
	if v.Kind() != reflect.Struct {
		return out
	}
	fields(out, "", v)
	return out
}

func fields(out map[string]any, prefix string, v reflect.Value) {
	for i := range v.NumField() {
		collect(out, prefix+v.Type().Field(i).Name, readable(v.Field(i)))
	}
}

func collect(out map[string]any, name string, v reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		if v.IsNil() {
			return
		}
		switch {
		case !v.CanInterface():
		case v.Type() == paramType:
			out[name] = v.Interface()
		case v.Type().Implements(layerType):
			if l := v.Interface().(Layer); key(l) != nil {
				out[name] = l
			}
		}
	case reflect.Struct:
		fields(out, name+".", v)
	case reflect.Slice, reflect.Array:
		for i := range v.Len() {
			collect(out, fmt.Sprintf("%s[%d]", name, i), v.Index(i))
		}
	case reflect.Map:
		for it := v.MapRange(); it.Next(); {
			collect(out, fmt.Sprintf("%s[%v]", name, it.Key()), it.Value())
		}
	}
}

// readable returns v free of the mark that it came from an unexported field.
func readable(v reflect.Value) reflect.Value {
	if v.CanInterface() || !v.CanAddr() {
		return v
	}
	return reflect.NewAt(v.Type(), v.Addr().UnsafePointer()).Elem()
}
