//! What a whole text gives: messages for people, refusal of what is written to hurt, agreement with another reader.

mod hostile;
mod messages;
mod second_reader;
