//! Black-box tests of the `spell` binary.
