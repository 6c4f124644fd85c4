ALTER TABLE `mip_denied` ADD `from_rev` integer DEFAULT 1 NOT NULL;--> statement-breakpoint
ALTER TABLE `mip_denied` ADD `log` text DEFAULT '' NOT NULL;--> statement-breakpoint
ALTER TABLE `mip_denied` ADD `seq` integer DEFAULT -1 NOT NULL;--> statement-breakpoint
CREATE INDEX `mip_denied_revocation` ON `mip_denied` (`org_id`,`did`,`log`,`seq`);