//! From a [`Trainer`](crate::Trainer) to what the contract exports.

use crate::chain;

/// Exports a type that implements [`Trainer`](crate::Trainer).
#[macro_export]
macro_rules! export {
    ($trainer:ty) => {
        const _: () = {
            $crate::__component!($trainer);
    $crate::bindings::export_managed_trainer!(Component with_types_in $crate::bindings);
        };
    };
}

/// Exports a type that implements [`TrainingLoop`](crate::TrainingLoop).
#[macro_export]
macro_rules! export_loop {
    ($trainer:ty) => {
        const _: () = {
            $crate::__component!($trainer);
            impl $crate::bindings::exports::arkor::trainer::training_loop::Guest for Component {
                fn run(
                    spec: $crate::definition::Spec,
                ) -> ::std::result::Result<(), ::std::string::String> {
                    <$trainer as $crate::TrainingLoop>::run(spec).map_err($crate::__text)
                }
            }
    $crate::bindings::export_loop_trainer!(Component with_types_in $crate::bindings);
        };
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __component {
    ($trainer:ty) => {
        struct Component;

        ::std::thread_local! {
            static TRAINER: ::std::cell::RefCell<$trainer> = ::std::cell::RefCell::default();
        }

        impl $crate::definition::Guest for Component {
            fn describe() -> ::std::result::Result<$crate::definition::Spec, ::std::string::String>
            {
                <$trainer as $crate::Trainer>::describe().map_err($crate::__text)
            }
        }

        impl $crate::callbacks::Guest for Component {
            $crate::__callback!(on_started, Started);
            $crate::__callback!(on_log, LogRecord);
            $crate::__callback!(on_evaluate, Evaluation);
            $crate::__callback!(on_checkpoint, Checkpoint);
            $crate::__callback!(on_completed, Completed);
            $crate::__callback!(on_failed, Failed);

            fn save_state() -> ::std::result::Result<::std::vec::Vec<u8>, ::std::string::String> {
                TRAINER.with_borrow(|trainer| {
                    $crate::Trainer::save_state(trainer).map_err($crate::__text)
                })
            }

            fn load_state(
                state: ::std::vec::Vec<u8>,
            ) -> ::std::result::Result<(), ::std::string::String> {
                TRAINER.with_borrow_mut(|trainer| {
                    $crate::Trainer::load_state(trainer, &state).map_err($crate::__text)
                })
            }
        }
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __callback {
    ($name:ident, $event:ident) => {
        fn $name(
            event: $crate::callbacks::$event,
        ) -> ::std::result::Result<$crate::Actions, ::std::string::String> {
            TRAINER.with_borrow_mut(|trainer| {
                $crate::Trainer::$name(trainer, &event).map_err($crate::__text)
            })
        }
    };
}

#[doc(hidden)]
#[expect(
    clippy::needless_pass_by_value,
    reason = "used as a function for map_err"
)]
pub fn __text(error: Box<dyn std::error::Error>) -> String {
    chain(&*error)
}
