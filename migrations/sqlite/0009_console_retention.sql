-- Old threads of the console go, with what happened to their messages.
CREATE INDEX console_sent ON console_messages (sent) WHERE thread IS NULL;
CREATE INDEX console_changes_message ON console_changes (message);
