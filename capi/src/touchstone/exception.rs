//! Tags, and exceptions.

use crate::reference::{Item, Object};

declare_ref! {
    /// A tag of exceptions.
    touchstone_tag_t, |object| matches!(object, Object::Item(Item::Tag(_)));
    touchstone_tag_delete, touchstone_tag_copy, touchstone_tag_same, touchstone_tag_get_host_info,
    touchstone_tag_set_host_info, touchstone_tag_set_host_info_with_finalizer, touchstone_tag_as_ref,
    touchstone_ref_as_tag, touchstone_tag_as_ref_const, touchstone_ref_as_tag_const
}
