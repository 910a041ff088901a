"""What people are told: mail of the system itself (invitations, new passwords), and notices of what needs somebody."""
