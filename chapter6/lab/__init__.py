"""The laboratory (实验台): what every lesson needs and none teaches. It knows no lesson."""
