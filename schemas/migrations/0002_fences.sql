CREATE TABLE `fences` (
	`org_id` text PRIMARY KEY NOT NULL,
	`move_id` text NOT NULL,
	`position` text
) WITHOUT ROWID;
--> statement-breakpoint
ALTER TABLE `organisations` ADD `move_id` text;