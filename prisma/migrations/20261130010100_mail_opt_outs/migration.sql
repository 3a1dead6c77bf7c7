-- Who does not want which kind of mail. Addresses are in small letters, and '*' stands for every kind that is optional.
CREATE TABLE "mail_opt_outs" (
    "address" TEXT NOT NULL,
    "kind" TEXT NOT NULL,
    "since" TIMESTAMPTZ(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    CONSTRAINT "mail_opt_outs_pkey" PRIMARY KEY ("address", "kind"),
    CONSTRAINT "mail_opt_outs_address" CHECK ("address" = lower("address"))
);

-- The key that the links in mails are sealed with. Whoever can read it could write the table above as well.
CREATE TABLE "mail_link_keys" (
    "id" INTEGER NOT NULL,
    "key" BYTEA NOT NULL,
    CONSTRAINT "mail_link_keys_pkey" PRIMARY KEY ("id"),
    CONSTRAINT "mail_link_keys_length" CHECK (octet_length("key") = 32)
);
INSERT INTO "mail_link_keys" ("id", "key")
    VALUES (1, decode(replace(gen_random_uuid()::text || gen_random_uuid()::text, '-', ''), 'hex'));
