use std::fmt;

use crate::LoadError;

/// Turns a component into code for this machine.
///
/// Compiling takes as much time and memory as whoever built the component wants it to: a program
/// that takes components from others hands in one that works elsewhere, as
/// [`ChildCompiler`](crate::ChildCompiler) does.
///
/// A message boundary: the bytes of a component in, those of its code out. It must be built from the
/// same version of this crate; code of another is refused, and so is code for another processor.
/// The code is trusted like the program itself.
pub trait Compiler: fmt::Debug + Send + Sync + 'static {
    /// Compiles a component that has been found valid. Blocks for as long as it takes.
    ///
    /// # Errors
    ///
    /// [`LoadError::Compile`] and [`LoadError::Engine`] are tried again the next time; after
    /// [`LoadError::Indigestible`] the component is refused from then on.
    fn compile(&self, component: &[u8]) -> Result<Vec<u8>, LoadError>;
}

/// Compiles in this process, without limits.
#[cfg(feature = "compile")]
pub(crate) struct InProcess(pub(crate) wasmtime::Engine);

#[cfg(feature = "compile")]
impl fmt::Debug for InProcess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("InProcess")
    }
}

#[cfg(feature = "compile")]
impl Compiler for InProcess {
    fn compile(&self, component: &[u8]) -> Result<Vec<u8>, LoadError> {
        self.0.precompile_component(component).map_err(|error| LoadError::compile(&error))
    }
}

/// Compiles nothing.
#[cfg(any(not(feature = "compile"), target_os = "linux"))]
#[derive(Debug)]
pub(crate) struct Missing;

#[cfg(any(not(feature = "compile"), target_os = "linux"))]
impl Compiler for Missing {
    fn compile(&self, _component: &[u8]) -> Result<Vec<u8>, LoadError> {
        Err(LoadError::NoCompiler)
    }
}
