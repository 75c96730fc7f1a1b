module github.com/gradus-ml/gradus/internal/cpu/gen

go 1.26

require (
	github.com/mmcloughlin/avo v0.5.0
	golang.org/x/tools v0.52.0
)
