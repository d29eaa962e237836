//! Programs that embed payrun: see the files beside this folder.
