// Package repo holds tests of the repository itself: that every exported name is documented, that what README and
// ARCHITECTURE say is true, and that the core imports nothing foreign.
package repo
