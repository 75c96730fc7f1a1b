package main

func normKernels(f *file) {}
func stepKernels(f *file) {}
func rngKernels(f *file)  {}
