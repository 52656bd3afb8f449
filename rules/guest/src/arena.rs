//! An allocator that only moves forward. An instance lives for one call and is then dropped whole,
//! so freeing would be work for nothing; and the memory it starts with is big enough for a usual
//! exchange, so nothing grows on the way (the allocator of `std` grows at its first allocation).

use core::alloc::{GlobalAlloc, Layout};
use core::arch::wasm32::{memory_grow, memory_size};
use core::ptr;
use core::sync::atomic::{AtomicUsize, Ordering::Relaxed};

const PAGE: usize = 64 * 1024;

/// Where the next allocation starts; 0 before the first.
struct Arena(AtomicUsize);

#[global_allocator]
static ARENA: Arena = Arena(AtomicUsize::new(0));

unsafe extern "C" {
    /// The linker's symbol at the first byte after stack and data. Only its address has a meaning.
    static __heap_base: u8;
}

impl Arena {
    fn next(&self) -> usize {
        match self.0.load(Relaxed) {
            0 => &raw const __heap_base as usize,
            next => next,
        }
    }

    /// Takes everything up to `end`, growing the memory where it must. False if the host says no.
    fn take_up_to(&self, end: usize) -> bool {
        let size = memory_size(0) * PAGE;
        if end > size && memory_grow(0, (end - size).div_ceil(PAGE)) == usize::MAX {
            return false;
        }
        self.0.store(end, Relaxed);
        true
    }

    fn is_last(&self, block: *mut u8, layout: Layout) -> bool {
        block as usize + layout.size() == self.next()
    }
}

// SAFETY: blocks are disjoint, since each starts where the one before ended and only the last is
// ever resized; they are aligned and inside the memory; the instance has one thread.
unsafe impl GlobalAlloc for Arena {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let start = self.next().next_multiple_of(layout.align());
        match start.checked_add(layout.size()) {
            Some(end) if self.take_up_to(end) => start as *mut u8,
            _ => ptr::null_mut(),
        }
    }

    unsafe fn dealloc(&self, _: *mut u8, _: Layout) {}

    /// The last block grows where it stands: how a string is built costs no copies.
    unsafe fn realloc(&self, block: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        if new_size <= layout.size() {
            return block;
        }
        if self.is_last(block, layout) {
            return match (block as usize).checked_add(new_size) {
                Some(end) if self.take_up_to(end) => block,
                _ => ptr::null_mut(),
            };
        }
        // SAFETY: the caller made `layout` and promises that the new size fits it.
        let moved =
            unsafe { self.alloc(Layout::from_size_align_unchecked(new_size, layout.align())) };
        if !moved.is_null() {
            // SAFETY: both blocks are at least as long as the old one, and they are disjoint.
            unsafe { ptr::copy_nonoverlapping(block, moved, layout.size()) };
        }
        moved
    }
}
