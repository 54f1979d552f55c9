package redacttest

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"reflect"
	"strings"
)

// way is a value as it was printed.
type way struct{ name, text string }

var verbs = []string{"%v", "%+v", "%#v", "%x", "%X", "%q", "%s", "%d", "% x", "%#x"}

// unexported is another program's struct: nothing asks the methods of what is in it.
type unexported[T any] struct {
	value   T
	pointer *T
	list    []T
	byKey   map[string]T
	any     any
	nested  struct{ value T }
}

type exported[T any] struct {
	Value   T
	Pointer *T
	List    []T
	ByKey   map[string]T
	Any     any
}

// ways prints a value by itself and in others, by everything in the standard
// library that programs log with.
func ways[T any](value T) (printed []way) {
	hidden := unexported[T]{value, &value, []T{value}, map[string]T{"key": value}, value, struct{ value T }{value}}
	for name, object := range map[string]any{
		"itself": value, "pointer": &value, "slice": []T{value}, "map": map[string]T{"key": value},
		"unexported": hidden, "pointer to unexported": &hidden, "slice of unexported": []any{hidden, &hidden},
		"map of unexported": map[string]any{"key": hidden}, "pointer in unexported": struct{ any any }{&value},
		"exported": exported[T]{value, &value, []T{value}, map[string]T{"key": value}, value},
	} {
		for _, verb := range verbs {
			printed = append(printed, way{verb + " of " + name, fmt.Sprintf(verb, object)})
		}
		var log strings.Builder
		options := &slog.HandlerOptions{ReplaceAttr: withoutTime}
		for _, handler := range []slog.Handler{slog.NewTextHandler(&log, options), slog.NewJSONHandler(&log, options)} {
			slog.New(handler).With("with", object).Info("message", "value", object, slog.Group("group", "value", object))
		}
		printed = append(printed, way{"slog of " + name, log.String()})
		encoded, err := json.Marshal(object) // of functions and channels there is an error
		printed = append(printed, way{"JSON of " + name, fmt.Sprintf("%s %v", encoded, err)})
	}
	return printed
}

func withoutTime(_ []string, a slog.Attr) slog.Attr {
	if a.Key == slog.TimeKey {
		return slog.Attr{}
	}
	return a
}

// follow writes everything that reflection reaches from a value, as printers do
// that follow pointers into other packages' unexported fields.
func follow(value any) string {
	var b strings.Builder
	followed := map[any]bool{}
	var walk func(v reflect.Value)
	walk = func(v reflect.Value) {
		switch v.Kind() {
		case reflect.Pointer:
			key := [2]any{v.Pointer(), v.Type()}
			if !v.IsNil() && !followed[key] {
				followed[key] = true
				walk(v.Elem())
			}
		case reflect.Interface:
			walk(v.Elem())
		case reflect.Struct:
			for i := range v.NumField() {
				walk(v.Field(i))
			}
		case reflect.Map:
			for _, key := range v.MapKeys() {
				walk(key)
				walk(v.MapIndex(key))
			}
		case reflect.Array, reflect.Slice:
			if v.Type().Elem().Kind() == reflect.Uint8 {
				bytes := make([]byte, v.Len())
				for i := range bytes {
					bytes[i] = byte(v.Index(i).Uint())
				}
				fmt.Fprintf(&b, "%q ", bytes)
				return
			}
			for i := range v.Len() {
				walk(v.Index(i))
			}
		case reflect.Invalid, reflect.Func, reflect.Chan, reflect.UnsafePointer:
		default:
			fmt.Fprintf(&b, "%v ", v)
		}
	}
	walk(reflect.ValueOf(value))
	return b.String()
}
